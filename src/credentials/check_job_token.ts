import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JobIdentityIssuer } from '../resources/pool_cache.ts';
import { type GuardedGet, Unreachable } from './guarded_get.ts';
import { type JobIdentity, readJobClaims } from './job_token.ts';
import { createKeySets, ISSUER_ALGORITHMS } from './key_sets.ts';

/** Longer than any forge's; what is longer is not looked at. */
const MOST_LENGTH = 16 * 1024;
/** A token found good is believed for so long, in ms: as long as a key that was withdrawn is at the most. */
const BELIEVED_MS = 60_000;
const MOST_KEPT = 10_000;
const LEEWAY_SECONDS = 5;

/** The token of a job is not good: `what` of it, in words of our own that quote nothing of the token. */
export class JobTokenRefused extends Error {
  override readonly name = 'JobTokenRefused';
}

/** The keys of the issuer can't be had: nothing is known of the token. */
export class JobTokenUnverifiable extends Error {
  override readonly name = 'JobTokenUnverifiable';
}

/** Who the job is by the token that its forge signed; else rejects with JobTokenRefused or JobTokenUnverifiable. */
export type CheckJobToken = (raw: string, issuer: JobIdentityIssuer) => Promise<JobIdentity>;

/** Checks jobs' tokens by the keys that their issuers publish, fetched through `get`. `now` in ms since the epoch. */
export function createCheckJobToken(get: GuardedGet, now: () => number): CheckJobToken {
  const keysOf = createKeySets(get);
  const believed = new Map<string, { until: number; identity: JobIdentity }>();

  async function verify(raw: string, { issuer, jwksUrl, audience }: JobIdentityIssuer) {
    try {
      return await jwtVerify(raw, keysOf(jwksUrl), {
        algorithms: ISSUER_ALGORITHMS,
        issuer,
        currentDate: new Date(now()),
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp'],
        ...(audience === undefined ? {} : { audience }),
      });
    } catch (error) {
      throw refusalFor(error);
    }
  }

  return async (raw, issuer) => {
    if (raw.length > MOST_LENGTH) throw new JobTokenRefused('it is too long');
    // The issuer is part of the key: what one pool's issuer vouches for is nothing to a pool with another.
    const key = keyOf(raw, issuer);
    const known = believed.get(key);
    if (known !== undefined && now() < known.until) return known.identity;
    const { payload } = await verify(raw, issuer);
    const identity = readJobClaims(payload);
    if (identity === undefined) throw new JobTokenRefused('it names no repository and cache scopes');
    const expires = ((payload.exp ?? 0) + LEEWAY_SECONDS) * 1000;
    believed.delete(key);
    believed.set(key, { until: Math.min(now() + BELIEVED_MS, expires), identity });
    const [oldest] = believed.keys();
    if (believed.size > MOST_KEPT && oldest !== undefined) believed.delete(oldest);
    return identity;
  };
}

/** A hash, so that no token lies in memory longer than its request. */
function keyOf(raw: string, { issuer, jwksUrl, audience }: JobIdentityIssuer): string {
  return createHash('sha256')
    .update(JSON.stringify([raw, issuer, jwksUrl, audience]))
    .digest('base64url');
}

/** jose's messages quote claims, so its codes are put into our own words. */
function refusalFor(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return new JobTokenRefused('it has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new JobTokenRefused(`its claim ${error.claim} is not what is asked for`);
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return new JobTokenRefused('it is signed by a key that is not published');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new JobTokenRefused('its signature is wrong');
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return new JobTokenRefused('it is no JWT');
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return new JobTokenRefused('it is signed by an algorithm that is not accepted');
  // The guard's own words, which say what the operator or the pool has to correct.
  const why = error instanceof Unreachable ? `: its jwksUrl ${error.message}` : '';
  return new JobTokenUnverifiable(`the keys of its issuer cannot be had${why}`);
}
