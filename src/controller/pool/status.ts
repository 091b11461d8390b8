import { Label } from '../../resources/group.ts';
import type { RunnerPoolStatus, SlotFailure } from '../../resources/runner_pool.ts';
import { poolConditions } from './conditions.ts';
import type { ForgeCleanup } from './forge_cleanup.ts';
import type { Observed, Runner } from './observed.ts';
import { poolLabel } from './runner_name.ts';
import type { Scaling } from './scaling.ts';
import { readySinceMs, standingOf } from './standing.ts';

/** What a round of the plan makes of the pool. */
export interface Outcome {
  observed: Observed;
  /** Live runners that stay. */
  kept: readonly Runner[];
  /** Runners made in this round, all of them still starting. */
  created: readonly { serial: number }[];
  failures: SlotFailure[];
  /** Where spec.autoscaling says how many runners there are. */
  scaling?: Pick<Scaling, 'status' | 'verdict'> | undefined;
  /** Of a pool that is being deleted. */
  cleanup?: Pick<ForgeCleanup, 'verdict'> | undefined;
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
    ...forgeStatus(observed),
    ...(outcome.scaling?.status === undefined ? {} : { autoscaling: outcome.scaling.status }),
    failures,
    conditions: poolConditions(
      { observed, counts, kept, failures, scaling: outcome.scaling, cleanup: outcome.cleanup },
      before?.conditions ?? [],
      now,
    ),
  };
  return { status, nextReadyMs: unready.length === 0 ? undefined : Math.min(...unready) };
}

/** While a credential is not good, what the runners were last made for stays. */
function recordedAfter({ credential, pool }: Observed): Pick<RunnerPoolStatus, 'recorded'> {
  if (credential.good) return { recorded: credential.recorded };
  return pool.status?.recorded === undefined ? {} : { recorded: pool.status.recorded };
}

/** What the forge last said; while it does not answer that stays, since it is the best that is known. */
function forgeStatus({ forge, pool }: Observed): Pick<RunnerPoolStatus, 'forge' | 'queued'> {
  if (forge.standing === 'None') return {};
  const { status } = pool;
  if (forge.askedAtMs === undefined)
    return {
      ...(status?.queued === undefined ? {} : { queued: status.queued }),
      ...(status?.forge === undefined ? {} : { forge: status.forge }),
    };
  const details = forge.details ?? status?.forge?.details ?? {};
  return {
    ...(forge.queued === undefined ? {} : { queued: forge.queued }),
    forge: {
      records: forge.records.length,
      online: forge.records.filter((one) => one.state !== 'Offline').length,
      orphansRemoved: status?.forge?.orphansRemoved ?? 0,
      ...(Object.keys(details).length === 0 ? {} : { details: { ...details } }),
    },
  };
}

/** A busy runner is ready whatever its age: it has proved it. */
function readyInMs(runner: Runner, minReadySeconds: number, now: Date): number {
  if (minReadySeconds === 0) return 0;
  return (readySinceMs(runner) ?? now.getTime()) + minReadySeconds * 1000 - now.getTime();
}
