import { durationSeconds } from '../resources/duration.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';

/** For so long after startupTimeout a runner that never came up may not have been removed yet, in seconds. */
const REAP_INTERVAL_SECONDS = 60;

/**
 * Seconds that a JWT issued now lives. Before the runner has reported in, only for as long as it may take to start
 * and to be removed: one that never came up holds nothing that outlives it. Afterwards for its ttl.
 */
export function lifetimeSeconds(token: RunnerToken, pool: RunnerPool): number {
  if (token.status?.runner === undefined)
    return durationSeconds(pool.spec.lifecycle.startupTimeout) + REAP_INTERVAL_SECONDS;
  return durationSeconds(token.spec.ttl ?? pool.spec.token.ttl);
}
