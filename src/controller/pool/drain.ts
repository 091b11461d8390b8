import { durationSeconds } from '../../resources/duration.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import type { DeleteReason, PoolAction } from '../action.ts';
import type { Runner } from './observed.ts';

export interface Draining {
  actions: PoolAction[];
  /** Runners whose time is up; among `actions` as deletions. */
  expired: Runner[];
  /** When the next one's time is up, in ms from now. */
  nextExpiryMs?: number | undefined;
}

/**
 * Busy runners that should go: each is marked with the time since when, and deleted drainTimeout later. The mark is
 * on the pod, so that neither a crash nor a new leader starts the clock again; one that is wanted again loses it. It
 * says until when as well, for the runner, and is written again when another drainTimeout moves that.
 */
export function drain(
  wantedGone: readonly Runner[],
  live: readonly Runner[],
  lifecycle: RunnerPoolSpec['lifecycle'],
  now: Date,
  reason: DeleteReason = 'DrainTimeout',
): Draining {
  const timeoutMs = durationSeconds(lifecycle.drainTimeout) * 1000;
  const actions: PoolAction[] = [];
  const expired: Runner[] = [];
  let nextExpiryMs: number | undefined;
  const going = new Set(wantedGone.map((one) => one.uid));
  for (const runner of wantedGone) {
    const since = runner.drainSinceMs ?? now.getTime();
    const deadline = since + timeoutMs;
    const leftMs = deadline - now.getTime();
    if (leftMs <= 0) {
      expired.push(runner);
      actions.push({ type: 'DeleteRunner', runner: { name: runner.name, uid: runner.uid }, reason });
      continue;
    }
    nextExpiryMs = Math.min(nextExpiryMs ?? Number.POSITIVE_INFINITY, leftMs);
    if (runner.drainSinceMs === undefined || runner.drainDeadlineMs !== deadline)
      actions.push({
        type: 'StartDrain',
        runner: { name: runner.name, uid: runner.uid },
        since: new Date(since).toISOString(),
        deadline: new Date(deadline).toISOString(),
      });
  }
  for (const runner of live) {
    if (runner.drainSinceMs !== undefined && !going.has(runner.uid))
      actions.push({ type: 'StopDrain', runner: { name: runner.name, uid: runner.uid } });
  }
  return { actions, expired, nextExpiryMs };
}
