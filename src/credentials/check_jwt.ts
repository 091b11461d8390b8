import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Supplied } from '../resources/supplied.ts';
import { type GuardedGet, Unreachable } from './guarded_get.ts';
import { scopesIn, subjectIn } from './identity_words.ts';
import { createKeySets, ISSUER_ALGORITHMS } from './key_sets.ts';
import { recordedOf } from './recorded.ts';
import { refusedCredential, type Verdict } from './verdict.ts';

type Jwks = NonNullable<Supplied['jwks']>;

export type CheckJwt = (credential: string, jwks: Jwks, path: string, now: Date) => Promise<Verdict>;

/** Checks JWTs of other issuers by the keys that they publish, which are fetched through `get` and cached. */
export function createCheckJwt(get: GuardedGet): CheckJwt {
  const keysOf = createKeySets(get);
  return async (credential, jwks, path, now) => {
    try {
      const { payload } = await jwtVerify(credential, keysOf(jwks.url), {
        algorithms: ISSUER_ALGORITHMS,
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
