import pino from 'pino';
import type { Cache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { blobRoutes } from '../../src/runtime/routes/blobs.ts';
import { cacheRoutes } from '../../src/runtime/routes/cache.ts';
import { type Api, buildServer } from '../../src/runtime/server.ts';
import type { RuntimeClaims } from '../../src/tokens/claims.ts';
import { claimsNaming, trusting } from './authentication.ts';

/**
 * The api's own server with the cache's routes and nothing behind the tokens: a bearer is a name in `callers`.
 * For tests of the cache and of what talks to it; who may be a caller is tested where that is decided.
 */
export function buildCacheApi(
  cache: Cache,
  callers: Readonly<Record<string, CacheAccess>>,
  log = pino({ level: 'silent' }),
): Promise<Api> {
  return buildServer({
    log,
    limits: DEFAULT_LIMITS,
    metrics: createApiMetrics(),
    authentication: trusting(
      (bearer) => (callers[bearer] === undefined ? undefined : claimsOf(bearer, callers[bearer])),
      () => WORKING,
    ),
    routes: [cacheRoutes(cache), blobRoutes(cache)],
  });
}

function claimsOf(name: string, { enabled, tenant, scopes }: CacheAccess): RuntimeClaims {
  return claimsNaming(name, { enabled, tenant, scopes: [...scopes] });
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
