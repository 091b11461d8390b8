import { CHECKSUM_LENGTH, canonicalBytes, checksumOf } from '../../tokens/routable/form.ts';
import { MalformedToken } from '../../tokens/routable/malformed.ts';
import { type RoutingKeys, readRouting } from '../../tokens/routable/routing_payload.ts';

const FORM = /^[A-Za-z0-9_-]{1,400}\.([0-9a-z]{2})\.[0-9a-z]{9}$/;
/** Two dots, the version, the length and the checksum. */
const TAIL_LENGTH = 2 + 2 + 2 + CHECKSUM_LENGTH;
const VERSION = '01';

/**
 * Reads the form in which GitLab makes its routable tokens by now (lib/authn/token_field/generator/routable_token.rb of
 * 18 and 19): `<prefix><base64url(payload)>.<version>.<length><CRC-32>`. The payload has its random bytes first and the
 * routing's lines after them, and ends with a byte that has the lines' length. Throws MalformedToken.
 *
 * Harrier's own tokens, and GitLab's of before, are those of src/tokens/routable, without a version.
 */
export function decodeVersioned(token: string): RoutingKeys {
  const [, version] = FORM.exec(token) ?? [];
  if (version !== VERSION) throw new MalformedToken('form');
  const sealed = token.slice(0, -CHECKSUM_LENGTH);
  if (token.slice(-CHECKSUM_LENGTH) !== checksumOf(sealed)) throw new MalformedToken('checksum');
  const textEnd = token.length - TAIL_LENGTH;
  const textStart = textEnd - Number.parseInt(sealed.slice(-2), 36);
  if (textStart < 0) throw new MalformedToken('length');
  const payload = canonicalBytes(token.slice(textStart, textEnd));
  const linesEnd = payload.length - 1;
  const linesStart = linesEnd - (payload[linesEnd] ?? 0);
  if (linesStart < 0 || linesStart === linesEnd) throw new MalformedToken('count');
  return readRouting(payload.toString('latin1', linesStart, linesEnd));
}
