import { Label } from '../../resources/group.ts';
import type { RunnerPoolStatus, SlotFailure } from '../../resources/runner_pool.ts';
import { poolConditions } from './conditions.ts';
import type { Observed, Runner } from './observed.ts';
import { poolLabel } from './runner_name.ts';
import { readySinceMs, standingOf } from './standing.ts';

/** What a round of the plan makes of the pool. */
export interface Outcome {
  observed: Observed;
  /** Live runners that stay. */
  kept: readonly Runner[];
  /** Runners made in this round, all of them still starting. */
  created: readonly { serial: number }[];
  failures: SlotFailure[];
}

/** The pool's status, and in how many ms the next runner will have been ready for minReadySeconds. */
export function poolStatus(
  outcome: Outcome,
  now: Date,
): { status: RunnerPoolStatus; nextReadyMs?: number | undefined } {
  const { observed, kept, created, failures } = outcome;
  const { pool, templateHash } = observed;
  const idle = kept.filter((one) => standingOf(one) === 'Idle');
  const busy = kept.filter((one) => standingOf(one) === 'Busy');
  const waits = idle.map((one) => readyInMs(one, pool.spec.lifecycle.minReadySeconds, now));
  const unready = waits.filter((ms) => ms > 0);
  const counts = {
    replicas: kept.length + created.length,
    readyReplicas: idle.length - unready.length + busy.length,
    idleReplicas: idle.length,
    busyReplicas: busy.length,
    external: observed.external,
    outdatedReplicas: kept.filter((one) => one.templateHash !== templateHash).length,
  };
  const before = pool.status;
  const status: RunnerPoolStatus = {
    observedGeneration: pool.generation,
    ...counts,
    created: Math.max((before?.created ?? 0) + created.length, ...created.map((one) => one.serial)),
    selector: `${Label.pool}=${poolLabel(pool.name)}`,
    ...(observed.parent.standing === 'Found' ? { registrationRef: { name: observed.parent.name } } : {}),
    templateHash,
    ...recordedAfter(observed),
    failures,
    conditions: poolConditions({ observed, counts, kept, failures }, before?.conditions ?? [], now),
  };
  return { status, nextReadyMs: unready.length === 0 ? undefined : Math.min(...unready) };
}

/** While a credential is not good, what the runners were last made for stays. */
function recordedAfter({ credential, pool }: Observed): Pick<RunnerPoolStatus, 'recorded'> {
  if (credential.good) return { recorded: credential.recorded };
  return pool.status?.recorded === undefined ? {} : { recorded: pool.status.recorded };
}

/** A busy runner is ready whatever its age: it has proved it. */
function readyInMs(runner: Runner, minReadySeconds: number, now: Date): number {
  if (minReadySeconds === 0) return 0;
  return (readySinceMs(runner) ?? now.getTime()) + minReadySeconds * 1000 - now.getTime();
}
