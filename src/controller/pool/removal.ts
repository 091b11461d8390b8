import type { RunnerPoolStatus } from '../../resources/runner_pool.ts';
import type { PoolAction } from '../action.ts';
import { drain } from './drain.ts';
import type { Observed } from './observed.ts';
import { isLive, standingOf } from './standing.ts';
import { poolStatus } from './status.ts';

/**
 * The end of a pool that is being deleted. With Drain the finalizer holds the pool until its last pod is gone: what
 * isn't busy goes at once, busy ones when they have finished or their drainTimeout is over. With Delete the pool goes
 * first and Kubernetes collects the pods that it owns, tokens and Secrets with them.
 */
export function planRemoval(
  observed: Observed,
  now: Date,
): { actions: PoolAction[]; status: RunnerPoolStatus; againAfterMs?: number | undefined } {
  const { pool, runners } = observed;
  const waits = pool.spec.lifecycle.onDelete === 'Drain';
  const live = runners.filter(isLive);
  const busy = waits ? live.filter((one) => standingOf(one) === 'Busy') : [];
  const gone = runners.filter((one) => !one.terminating && !busy.includes(one));
  const draining = drain(busy, busy, pool.spec.lifecycle, now);
  const kept = busy.filter((one) => !draining.expired.includes(one));
  const release = pool.hasDrainFinalizer && (!waits || runners.length === 0);
  return {
    actions: [
      ...gone.map(({ name, uid }) => ({
        type: 'DeleteRunner' as const,
        runner: { name, uid },
        reason: 'PoolDeleted' as const,
      })),
      ...draining.actions,
      ...(release ? [{ type: 'RemoveDrainFinalizer' as const }] : []),
    ],
    status: poolStatus({ observed, kept, created: [], failures: [] }, now).status,
    againAfterMs: draining.nextExpiryMs,
  };
}
