import type { RunnerPoolStatus } from '../../resources/runner_pool.ts';
import type { PoolAction } from '../action.ts';
import { drain } from './drain.ts';
import { forgeCleanup } from './forge_cleanup.ts';
import { mayGetJob } from './forge_records.ts';
import type { Observed } from './observed.ts';
import { soonest } from './soonest.ts';
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
  // Of a pool that ends nothing waits for a forge which does not answer, nor for a job that is not wanted.
  const first = waits && observed.forge.standing === 'Fine' ? gone.filter(mayGetJob) : [];
  const draining = drain(busy, busy, pool.spec.lifecycle, now);
  const kept = busy.filter((one) => !draining.expired.includes(one));
  const cleanup = forgeCleanup(observed, now);
  const release = pool.hasDrainFinalizer && (!waits || runners.length === 0);
  return {
    actions: [
      ...gone.map((one) => ({
        type: 'DeleteRunner' as const,
        runner: { name: one.name, uid: one.uid },
        reason: 'PoolDeleted' as const,
        ...(one.forge !== undefined && first.includes(one) ? { record: one.forge.name } : {}),
      })),
      ...draining.actions,
      ...cleanup.actions,
      ...(release ? [{ type: 'RemoveDrainFinalizer' as const }] : []),
    ],
    status: poolStatus({ observed, kept, created: [], failures: [], cleanup }, now).status,
    againAfterMs: soonest(draining.nextExpiryMs, cleanup.againAfterMs),
  };
}
