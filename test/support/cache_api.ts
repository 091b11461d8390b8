import pino, { type Logger } from 'pino';
import { SqlArtifactIndex } from '../../src/artifacts/index/sql_index.ts';
import { openSqlite } from '../../src/artifacts/index/sqlite_database.ts';
import { type Artifacts, openArtifacts } from '../../src/artifacts/open.ts';
import type { Cache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import { createCheckJobToken } from '../../src/credentials/check_job_token.ts';
import { createGuardedGet } from '../../src/credentials/guarded_get.ts';
import { allowedHosts } from '../../src/egress/allowed_hosts.ts';
import type { JobIdentityIssuer } from '../../src/resources/pool_cache.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { createCallerAccess } from '../../src/runtime/cache_access/caller_access.ts';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { artifactRoutes } from '../../src/runtime/routes/artifacts.ts';
import { blobRoutes } from '../../src/runtime/routes/blobs.ts';
import { cacheRoutes } from '../../src/runtime/routes/cache.ts';
import { runnerRoutes } from '../../src/runtime/routes/runner.ts';
import { type Api, buildServer } from '../../src/runtime/server.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../src/tokens/claims.ts';
import { claimsNaming, trusting } from './authentication.ts';

/**
 * The api's own server with the cache's routes and nothing behind the tokens: a bearer is a name in `callers`.
 * For tests of the cache and of what talks to it; who may be a caller is tested where that is decided.
 */
export function buildCacheApi(
  cache: Cache,
  callers: Readonly<Record<string, CacheAccess & Artifacted & OfJobs>>,
  log = pino({ level: 'silent' }),
  artifacts = noArtifacts(cache, log),
): Promise<Api> {
  return buildServer({
    log,
    // A process of tests that others kept waiting must not put its own requests off.
    limits: { ...DEFAULT_LIMITS, maxEventLoopDelayMs: 0 },
    metrics: createApiMetrics(),
    authentication: trusting(
      (bearer) => (callers[bearer] === undefined ? undefined : claimsOf(bearer, callers[bearer])),
      () => WORKING,
    ),
    routes: [
      cacheRoutes(cache, callerAccess()),
      artifactRoutes(artifacts, callerAccess()),
      blobRoutes(cache, artifacts),
      // Else a sidecar would hold every request, waiting until it is known for Idle.
      runnerRoutes(async (_, { state }) => ({ state, since: new Date().toISOString() })),
    ],
  });
}

/** Whose jobs' tokens say what they may do; the issuer's keys are on this machine. */
interface OfJobs {
  jobIdentity?: JobIdentityIssuer | undefined;
}

export function callerAccess() {
  const get = createGuardedGet({ allowed: allowedHosts(['127.0.0.1']) });
  return createCallerAccess(createCheckJobToken(get, Date.now));
}

/** Who may have artifacts as well. */
type Artifacted = Pick<RuntimeClaims[typeof HARRIER_CLAIM], 'artifacts'>;

function noArtifacts(cache: Cache, log: Logger): Artifacts {
  const index = new SqlArtifactIndex(openSqlite(':memory:'));
  return openArtifacts({ index, stores: cache.stores, clock: Date.now, log });
}

function claimsOf(
  bearer: string,
  { enabled, tenant, pool, scopes, artifacts, jobIdentity }: CacheAccess & Artifacted & OfJobs,
): RuntimeClaims {
  const claims = claimsNaming(bearer, { enabled, tenant, scopes: [...scopes], jobIdentity });
  const [namespace = '', name = ''] = pool.split('/');
  return {
    ...claims,
    [HARRIER_CLAIM]: {
      ...claims[HARRIER_CLAIM],
      namespace,
      pool: { name, uid: `uid-${name}` },
      ...(artifacts === undefined ? {} : { artifacts }),
    },
  };
}

const WORKING: Pick<RunnerToken, 'metadata' | 'status'> = {
  metadata: {
    name: 'runner',
    namespace: 'runners',
    uid: 'uid',
    resourceVersion: '1',
    creationTimestamp: '2026-11-21T08:00:00Z',
  },
  status: { phase: 'Active', conditions: [], runner: { state: 'Busy', since: '2026-11-21T08:00:00Z' } },
};
