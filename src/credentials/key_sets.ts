import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import type { GuardedGet } from './guarded_get.ts';

/** No symmetric ones: what verifies them could sign, and is published. */
export const ISSUER_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
];
/** Key sets kept; the least recently used goes. */
const MOST_KEY_SETS = 64;
/** Keys are fetched anew after so long, and for an unknown kid not more often than `cooldown`, in ms. */
const TIMES = { cacheMaxAge: 60_000, cooldownDuration: 5_000, timeoutDuration: 6_000 };

/** The keys that an issuer publishes under this URL. */
export type KeySets = (jwksUrl: string) => JWTVerifyGetKey;

/** Key sets of other issuers, fetched through `get` and cached by URL. Nothing of one ever vouches for another's. */
export function createKeySets(get: GuardedGet): KeySets {
  const keySets = new Map<string, JWTVerifyGetKey>();
  return (url) => {
    const known = keySets.get(url) ?? remoteKeys(url, get);
    keySets.delete(url);
    keySets.set(url, known);
    const [oldest] = keySets.keys();
    if (keySets.size > MOST_KEY_SETS && oldest !== undefined) keySets.delete(oldest);
    return known;
  };
}

function remoteKeys(url: string, get: GuardedGet): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(url), {
    ...TIMES,
    [customFetch]: async () => {
      const { status, body } = await get(url, {});
      // jose reads these two of a Response; a real one cannot be made of every status.
      return { status, json: async () => JSON.parse(body) } as Response;
    },
  });
}
