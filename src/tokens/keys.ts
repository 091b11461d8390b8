import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { TOKEN_ALGORITHM } from './claims.ts';
import { type PublicJwk, type PublicKeySet, publicJwk } from './jwks.ts';

/** A key pair as the Secret holds it. Times are RFC 3339. */
export const signingKey = z.strictObject({
  jwk: publicJwk.extend({ d: publicJwk.shape.x.describe('The private half.') }),
  createdAt: z.iso.datetime(),
  publishedAt: z.iso
    .datetime()
    .optional()
    .describe('When its public half was known to be in the ConfigMap; before that it signs nothing.'),
});
export type SigningKey = z.infer<typeof signingKey>;

/** The content of the Secret `harrier-signing-keys`, under SIGNING_KEYS_FIELD, as JSON. */
export const signingKeySet = z.strictObject({ keys: z.array(signingKey).max(32) });
export type SigningKeySet = z.infer<typeof signingKeySet>;

/** Key of the Secret's data that holds the set. */
export const SIGNING_KEYS_FIELD = 'keys.json';
/** Key of the ConfigMap's data that holds the public halves. */
export const PUBLIC_KEYS_FIELD = 'jwks.json';

/** Thrown for a set that can't be read. Says nothing of what was found there, which may be a private key. */
export class UnreadableKeySet extends Error {
  override readonly name = 'UnreadableKeySet';
}

/** Reads the set from the Secret's text. */
export function parseSigningKeySet(text: string): SigningKeySet {
  try {
    return signingKeySet.parse(JSON.parse(text));
  } catch {
    // Neither the cause nor its message: a JSON or zod error quotes its input.
    throw new UnreadableKeySet('the signing keys are not a key set of this version');
  }
}

/** Makes a new P-256 pair, named by its thumbprint; unpublished, so it signs nothing yet. */
export async function makeSigningKey(now: Date): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk, 'sha256');
  return signingKey.parse({
    jwk: { ...jwk, kid, alg: TOKEN_ALGORITHM, use: 'sig' },
    createdAt: now.toISOString(),
  });
}

/** The public half, picked member by member: what is not named here is never published. */
export function publicHalf({ jwk }: SigningKey): PublicJwk {
  return { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y, kid: jwk.kid, alg: jwk.alg, use: jwk.use };
}

/** What the ConfigMap is to hold for these keys. */
export function publicKeySetOf(keys: readonly SigningKey[]): PublicKeySet {
  return { keys: keys.map(publicHalf) };
}
