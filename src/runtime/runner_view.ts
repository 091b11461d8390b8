import type { RunnerView } from '../protocol/runner.ts';
import { HARRIER_CLAIM } from '../tokens/claims.ts';
import type { Caller } from './authenticate.ts';

/** What a runner is told about itself: its token's claims and its last report; pure. */
export function runnerViewOf({ claims, token }: Caller): RunnerView {
  const { namespace, pool, runner, pod, attempt, forge, cache } = claims[HARRIER_CLAIM];
  const report = token?.status?.runner;
  return {
    namespace,
    pool: pool.name,
    runner,
    ...(pod === undefined ? {} : { pod }),
    attempt,
    forge,
    token: { id: claims.jti, expiresAt: new Date(claims.exp * 1000).toISOString() },
    cache: { enabled: cache.enabled, scopes: cache.scopes },
    ...(report === undefined ? {} : { report }),
  };
}
