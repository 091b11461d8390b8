import { durationSeconds } from '../../resources/duration.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';

/** Milliseconds between the `attempt`th failed start in a row (1-based) and the next: doubling, up to the longest. */
export function backoffMs(lifecycle: RunnerPoolSpec['lifecycle'], attempt: number): number {
  const initial = durationSeconds(lifecycle.backoff.initial) * 1000;
  const max = Math.max(initial, durationSeconds(lifecycle.backoff.max) * 1000);
  if (attempt >= lifecycle.maxAttempts) return max;
  return Math.min(max, initial * 2 ** Math.min(attempt - 1, 30));
}
