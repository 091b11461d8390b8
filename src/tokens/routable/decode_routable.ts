import { CHECKSUM_LENGTH, canonicalBytes, checksumOf, MAX_TEXT_LENGTH, PREFIX } from './form.ts';
import { MalformedToken } from './malformed.ts';
import { type RoutingKeys, readRouting } from './routing_payload.ts';

const FORM = /^[A-Za-z0-9_-]+\.[0-9a-z]{9}$/;
/** The dot, the length and the checksum. */
const TAIL_LENGTH = 1 + 2 + CHECKSUM_LENGTH;
const MAX_LENGTH = 32 + MAX_TEXT_LENGTH + TAIL_LENGTH;

export interface RoutableToken {
  prefix: string;
  routing: RoutingKeys;
  /** How many bytes of it are the secret; they themselves are not given out. */
  randomBytes: number;
  checksum: 'ok';
}

/**
 * Reads what encodeRoutable wrote, with any prefix; throws MalformedToken on everything else. One token has one
 * spelling. That the token was ever issued is not known here: a checksum is no signature.
 */
export function decodeRoutable(token: string): RoutableToken {
  if (token.length > MAX_LENGTH || !FORM.test(token)) throw new MalformedToken('form');
  // First, so that a slip of the pen is called just that, whatever else it made of the token.
  const sealed = token.slice(0, -CHECKSUM_LENGTH);
  if (token.slice(-CHECKSUM_LENGTH) !== checksumOf(sealed)) throw new MalformedToken('checksum');

  // The alphabet of base64url has both - and _, so only the stated length tells where the prefix ends.
  const textEnd = token.length - TAIL_LENGTH;
  const textStart = textEnd - Number.parseInt(sealed.slice(-2), 36);
  if (textStart < 0) throw new MalformedToken('length');
  const prefix = token.slice(0, textStart);
  if (!PREFIX.test(prefix)) throw new MalformedToken('prefix');

  const payload = canonicalBytes(token.slice(textStart, textEnd));
  const randomBytes = payload[payload.length - 1] ?? 0;
  const linesEnd = payload.length - 1 - randomBytes;
  if (randomBytes === 0 || linesEnd < 0) throw new MalformedToken('count');
  const routing = readRouting(payload.toString('latin1', 0, linesEnd));
  return { prefix, routing, randomBytes, checksum: 'ok' };
}
