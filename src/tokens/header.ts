import { z } from 'zod';
import { TOKEN_ALGORITHM, TOKEN_TYPE } from './claims.ts';
import { isLowS } from './low_s.ts';
import { TokenRefused } from './refusal.ts';

/** Longest token looked at, in characters. */
export const MAX_TOKEN_LENGTH = 8192;
/** Length of an ES256 signature, r and s of 32 bytes each (RFC 7518 section 3.4). */
const SIGNATURE_BYTES = 64;

/**
 * Header parameters by which a token would bring its own key or its own rules (RFC 7515 section 4.1, RFC 7797).
 * None is ever needed here, so their presence alone is a refusal.
 */
const FORBIDDEN = ['jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'crit', 'b64', 'zip', 'enc'] as const;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

const header = z.looseObject({
  alg: z.unknown().optional(),
  typ: z.unknown().optional(),
  kid: z.unknown().optional(),
});

/** Judges the shape and the header of a compact JWS; nothing of it is proven yet. Throws TokenRefused. */
export function readHeader(raw: string): { kid: string } {
  const [head, payload, signature, more] = raw.split('.', 4);
  if (head === undefined || payload === undefined || signature === undefined || more !== undefined) {
    throw new TokenRefused('malformed');
  }
  const parsed = header.safeParse(parseJson(decode(head)));
  decode(payload);
  if (!parsed.success) throw new TokenRefused('malformed');
  const { alg, typ, kid } = parsed.data;
  if (alg !== TOKEN_ALGORITHM) throw new TokenRefused('wrong-algorithm');
  if (FORBIDDEN.some((name) => Object.hasOwn(parsed.data, name))) throw new TokenRefused('forbidden-header');
  if (typ !== TOKEN_TYPE) throw new TokenRefused('wrong-type');
  if (typeof kid !== 'string') throw new TokenRefused('unknown-key');
  // Last, so that an unsigned token is called by its algorithm and not by its empty third part.
  const bytes = decode(signature);
  if (bytes.length !== SIGNATURE_BYTES || !isLowS(bytes)) throw new TokenRefused('bad-signature');
  return { kid };
}

/**
 * Only the one canonical spelling of the bytes: Node's decoder skips foreign characters and ignores the spare bits
 * of the last one, so that many texts would carry the same signature (RFC 4648 section 3.5).
 */
function decode(part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (part === '' || bytes.toString('base64url') !== part) throw new TokenRefused('malformed');
  return bytes;
}

/** JSON in strict UTF-8: bytes that are no text are no claims either. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw new TokenRefused('malformed');
  }
}
