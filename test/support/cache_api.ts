import pino from 'pino';
import type { Cache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { blobRoutes } from '../../src/runtime/routes/blobs.ts';
import { cacheRoutes } from '../../src/runtime/routes/cache.ts';
import { type Api, buildServer } from '../../src/runtime/server.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../../src/tokens/claims.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';

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
    authentication: {
      verifier: {
        ready: true,
        useKeys: () => {},
        verify(bearer) {
          const access = callers[bearer];
          if (access === undefined) throw new TokenRefused('bad-signature');
          return claimsOf(bearer, access);
        },
      },
      live: {
        check: () => ({ metadata: { name: 'runner', namespace: 'runners' } }) as unknown as RunnerToken,
      },
    },
    routes: [cacheRoutes(cache), blobRoutes(cache)],
  });
}

function claimsOf(name: string, { enabled, tenant, scopes }: CacheAccess): RuntimeClaims {
  return {
    iss: 'https://harrier.test',
    aud: ['harrier'],
    sub: `runner:runners/pool/${name}`,
    jti: `jti-${name}`,
    iat: 0,
    nbf: 0,
    exp: Number.MAX_SAFE_INTEGER,
    [HARRIER_CLAIM]: {
      namespace: 'runners',
      pool: { name: 'pool', uid: 'pool-uid' },
      pod: { name, uid: `uid-${name}` },
      attempt: 1,
      forge: { type: 'none' },
      cache: { enabled, tenant, scopes: [...scopes] },
    },
  };
}
