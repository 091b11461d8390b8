import { type CryptoKey, calculateJwkThumbprint, importJWK } from 'jose';
import { z } from 'zod';
import { TOKEN_ALGORITHM } from './claims.ts';

/** 32 bytes in unpadded base64url, as RFC 7518 section 6.2.1 has the coordinates of P-256. */
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** A public signing key. Strict: a set in which a `d` slipped is refused as a whole instead of being served. */
export const publicJwk = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: coordinate,
  y: coordinate,
  kid: z.string().min(1).max(128).describe('RFC 7638 SHA-256 thumbprint of the key.'),
  alg: z.literal(TOKEN_ALGORITHM),
  use: z.literal('sig'),
});
export type PublicJwk = z.infer<typeof publicJwk>;

/** RFC 7517 key set, as the ConfigMap holds it and `/.well-known/jwks.json` serves it. */
export const publicKeySet = z.strictObject({ keys: z.array(publicJwk).max(32) });
export type PublicKeySet = z.infer<typeof publicKeySet>;

export type VerificationKeys = ReadonlyMap<string, CryptoKey>;

/** Reads a set from its JSON text; throws on anything that isn't exactly one. */
export function parsePublicKeySet(text: string): PublicKeySet {
  return publicKeySet.parse(JSON.parse(text));
}

/**
 * The keys by kid. Throws where a kid isn't its key's thumbprint, so that one kid never means two keys:
 * verdicts that were reached with a kid stay right for as long as a set has that kid.
 */
export async function verificationKeys(set: PublicKeySet): Promise<VerificationKeys> {
  const keys = new Map<string, CryptoKey>();
  for (const jwk of set.keys) {
    if ((await calculateJwkThumbprint(jwk, 'sha256')) !== jwk.kid) {
      throw new Error(`key ${jwk.kid} of the public key set is not named by its thumbprint`);
    }
    keys.set(jwk.kid, (await importJWK(jwk, TOKEN_ALGORITHM)) as CryptoKey);
  }
  return keys;
}
