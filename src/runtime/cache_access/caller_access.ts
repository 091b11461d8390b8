import type { FastifyRequest } from 'fastify';
import type { CacheAccess } from '../../cache/scope.ts';
import { type CheckJobToken, JobTokenRefused } from '../../credentials/check_job_token.ts';
import { JOB_TOKEN_HEADER } from '../../protocol/job_token.ts';
import type { JobIdentityIssuer } from '../../resources/pool_cache.ts';
import { HARRIER_CLAIM } from '../../tokens/claims.ts';
import type { Caller } from '../authenticate.ts';
import { type Problem, problem } from '../problem.ts';
import { accessOfJob } from './access_of_job.ts';

/** What a request is about: which words its denial begins with. */
export type Intent = 'read' | 'write';

/**
 * What the caller may do with the cache, by its runner's token and, where the pool says so, by its job's. Nothing
 * that a request asks for has a part in it.
 */
export interface CallerAccess {
  /** Where the runner's token alone decides; undefined where the job's must be looked at. */
  ofRunner(caller: Caller): CacheAccess | undefined;
  /** Of every caller. Rejects with `permission-denied` for a job without a good token. */
  of(request: Pick<FastifyRequest, 'caller' | 'headers'>, intent: Intent): CacheAccess | Promise<CacheAccess>;
}

export function createCallerAccess(check: CheckJobToken): CallerAccess {
  return {
    ofRunner: (caller) => (jobIdentityOf(caller) === undefined ? poolAccess(caller) : undefined),
    of({ caller, headers }, intent) {
      const issuer = jobIdentityOf(caller);
      const access = poolAccess(caller);
      return issuer === undefined ? access : ofJob(access, headers[JOB_TOKEN_HEADER], issuer, intent);
    },
  };

  async function ofJob(
    access: CacheAccess,
    raw: string | string[] | undefined,
    issuer: JobIdentityIssuer,
    intent: Intent,
  ): Promise<CacheAccess> {
    if (typeof raw !== 'string' || raw === '')
      throw denied(intent, 'the pool takes scopes from jobs, and the job sent no token of its forge');
    try {
      return accessOfJob(access, await check(raw, issuer));
    } catch (error) {
      if (error instanceof JobTokenRefused)
        throw denied(intent, `the token that the job sent is not good: ${error.message}`);
      throw problem('unavailable', 'The token of the job could not be checked; retry.', {
        headers: { 'retry-after': '5' },
        cause: error,
      });
    }
  }
}

/** A pool without a cache has none for its jobs either, whoever they are. */
function jobIdentityOf({ claims }: Caller): JobIdentityIssuer | undefined {
  const { enabled, jobIdentity } = claims[HARRIER_CLAIM].cache;
  return enabled ? jobIdentity : undefined;
}

/** A visitor's pool is told apart from ours of the same name by its issuer, as its tenant is (trusted/check_visitor.ts). */
function poolAccess({ claims, token }: Caller): CacheAccess {
  const { cache, namespace, pool } = claims[HARRIER_CLAIM];
  const { enabled, tenant, scopes } = cache;
  const name = `${namespace}/${pool.name}`;
  return { enabled, tenant, scopes, pool: token === undefined ? `${claims.iss}#${name}` : name };
}

/** Stock clients know a denial by the words that it begins with. */
function denied(intent: Intent, why: string): Problem {
  return problem('permission-denied', `cache ${intent} denied: ${why}`);
}
