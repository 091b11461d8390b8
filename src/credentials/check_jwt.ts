import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { Supplied } from '../resources/supplied.ts';
import { type GuardedGet, Unreachable } from './guarded_get.ts';
import { scopesIn, subjectIn } from './identity_words.ts';
import { recordedOf } from './recorded.ts';
import { refusedCredential, type Verdict } from './verdict.ts';

type Jwks = NonNullable<Supplied['jwks']>;

export type CheckJwt = (credential: string, jwks: Jwks, path: string, now: Date) => Promise<Verdict>;

/** No symmetric ones: what verifies them could sign, and is published. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA'];
/** Key sets kept; the least recently used goes. */
const MOST_KEY_SETS = 64;
/** Keys are fetched anew after so long, and for an unknown kid not more often than `cooldown`, in ms. */
const TIMES = { cacheMaxAge: 60_000, cooldownDuration: 5_000, timeoutDuration: 6_000 };

/** Checks JWTs of other issuers by the keys that they publish, which are fetched through `get` and cached. */
export function createCheckJwt(get: GuardedGet): CheckJwt {
  const keySets = new Map<string, JWTVerifyGetKey>();

  function keysOf(url: string): JWTVerifyGetKey {
    const known = keySets.get(url) ?? remoteKeys(url, get);
    keySets.delete(url);
    keySets.set(url, known);
    const [oldest] = keySets.keys();
    if (keySets.size > MOST_KEY_SETS && oldest !== undefined) keySets.delete(oldest);
    return known;
  }

  return async (credential, jwks, path, now) => {
    try {
      const { payload } = await jwtVerify(credential, keysOf(jwks.url), {
        algorithms: ALGORITHMS,
        issuer: jwks.issuer,
        currentDate: now,
        clockTolerance: 5,
        ...(jwks.audience === undefined ? {} : { audience: jwks.audience }),
      });
      return readClaims(payload, jwks, path);
    } catch (error) {
      return refusedFor(error, path);
    }
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

/** What a verified JWT says of itself; pure. */
export function readClaims(claims: JWTPayload, jwks: Jwks, path: string): Verdict {
  const subject = subjectIn(claims[jwks.subjectClaim]);
  if (subject === undefined)
    return refusedCredential(
      'CredentialInvalid',
      `${path}.subjectClaim: the credential has no claim ${jwks.subjectClaim}; correct the field or the credential`,
    );
  const scopes = scopesIn(claims[jwks.scopesClaim] ?? []);
  if (scopes === undefined)
    return refusedCredential(
      'CredentialInvalid',
      `${path}.scopesClaim: the claim ${jwks.scopesClaim} is neither a text nor a list of at most 128 texts`,
    );
  const expiresAtMs = claims.exp === undefined ? undefined : claims.exp * 1000;
  return { good: true, recorded: recordedOf(subject, scopes), expiresAtMs };
}

/** jose's messages quote claims, so its codes are put into our own words. */
function refusedFor(error: unknown, path: string): Verdict {
  if (error instanceof errors.JWTExpired)
    return refusedCredential(
      'CredentialExpired',
      `${path}: the credential has expired; put a new one into the Secret`,
    );
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(path, `its claim ${error.claim} is not what is asked for, or not yet valid`);
  if (error instanceof errors.JWKSNoMatchingKey)
    return invalid(path, 'it is signed by a key that is not published');
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return invalid(path, 'it does not say which key signed it');
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid(path, 'its signature is wrong');
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return invalid(path, 'it is not a JWT');
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return invalid(path, 'it is signed by an algorithm that is not accepted');
  const why = error instanceof Unreachable ? error.message : 'answers no key set (RFC 7517)';
  return refusedCredential('CredentialUnverifiable', `${path}.url ${why}; it is asked again`);
}

function invalid(path: string, what: string): Verdict {
  return refusedCredential('CredentialInvalid', `${path}: the credential is not good: ${what}`);
}
