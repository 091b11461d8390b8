import type { RunnerPoolStatus, SlotFailure } from '../../resources/runner_pool.ts';
import type { DeleteReason, PoolAction } from '../action.ts';
import { awaitsInterception, blockedBy } from './blocked.ts';
import { drain } from './drain.ts';
import { failedStarts } from './failed_starts.ts';
import type { Observed, Runner } from './observed.ts';
import { ofOtherCredential } from './other_credential.ts';
import { planRemoval } from './removal.ts';
import { rollout } from './rollout.ts';
import { scaleDown } from './scale_down.ts';
import { fillSlots } from './slots.ts';
import { fellWithParent, identityLost, isLive, standingOf, toBeDeleted } from './standing.ts';
import { poolStatus } from './status.ts';

export interface Plan {
  actions: PoolAction[];
  /** The status as it is once the actions are done. */
  status: RunnerPoolStatus;
  /** When time alone asks for another plan, in ms from now. */
  againAfterMs?: number | undefined;
}

/** How long a runner that is done may take to end its pod. */
const LINGER_MS = 60_000;

/** Secrets are not watched, so a missing one is asked for again. */
const CREDENTIALS_POLL_MS = 3_000;
/** A supplied credential may change at any time. */
const SUPPLIED_POLL_MS = 5_000;

/**
 * Decides everything about a pool: a pure function of what is seen and the time. Live runners are never more than
 * replicas and surge; a busy one goes only when its drainTimeout is over; a failing slot holds up no other.
 */
export function plan(observed: Observed, now: Date): Plan {
  const { pool, runners, templateHash } = observed;
  if (pool.deleting) return planRemoval(observed, now);
  const { spec } = pool;
  const starts = failedStarts(runners, pool.status?.failures ?? [], spec.lifecycle, now);
  const blocked = blockedBy(observed) !== undefined || awaitsInterception(observed);

  const finished = runners.filter((one) => standingOf(one) === 'Finished' && !starts.fresh.includes(one));
  const failed = starts.recorded.filter(isLive);
  const live = runners.filter((one) => isLive(one) && !failed.includes(one));
  const lingering = live.filter((one) => lingerLeftMs(one, now) <= 0);
  const lost = live.filter((one) => identityLost(one) && standingOf(one) !== 'Ending');
  const lostNow = lost.filter((one) => standingOf(one) !== 'Busy' || toBeDeleted(one));

  const recredentialed = ofOtherCredential(without(live, lingering, lostNow), observed);
  const sound = without(live, lingering, lostNow, recredentialed);
  const change = blocked ? { replace: [], surge: 0 } : rollout(sound, templateHash, spec);
  const current = without(sound, change.replace);
  const target = spec.replicas + change.surge;
  const excess = scaleDown(current, target, templateHash);
  const lostBusy = without(lost, lostNow);
  const draining = drain([...new Set([...excess.drain, ...lostBusy])], current, spec.lifecycle, now);
  const kept = without(current, excess.remove, draining.expired);

  const filling = blocked
    ? { create: [], wanted: [], nextStartMs: undefined }
    : fillSlots(kept, runners, target, starts.failures, pool.status?.created ?? 0, now);
  const failures = stillOf(starts.failures, [...kept, ...starts.fresh], filling.wanted, blocked);

  const unheld = spec.lifecycle.onDelete === 'Drain' && !pool.hasDrainFinalizer;
  const actions: PoolAction[] = [
    ...(unheld ? [{ type: 'AddDrainFinalizer' as const }] : []),
    ...(observed.parent.standing === 'None' ? [{ type: 'MakeRegistration' as const }] : []),
    ...deletions(finished, 'Finished'),
    ...deletions(failed, 'StartFailed'),
    ...deletions(lingering, 'Lingering'),
    ...deletions(lostNow.filter(fellWithParent), 'Revoked'),
    ...deletions(without(lostNow, lostNow.filter(fellWithParent)), 'IdentityLost'),
    ...deletions(recredentialed, 'CredentialChanged'),
    ...deletions(change.replace, 'Outdated'),
    ...deletions(excess.remove, 'ScaledDown'),
    ...draining.actions,
    ...filling.create.map((one) => ({ type: 'CreateRunner' as const, ...one })),
  ];
  const { status, nextReadyMs } = poolStatus({ observed, kept, created: filling.create, failures }, now);
  return {
    actions,
    status,
    againAfterMs: soonest(
      starts.fresh.length > 0 ? 0 : undefined,
      starts.nextChangeMs,
      draining.nextExpiryMs,
      filling.nextStartMs,
      nextReadyMs,
      observed.credentials === 'Missing' ? CREDENTIALS_POLL_MS : undefined,
      spec.token.supplied === undefined ? undefined : SUPPLIED_POLL_MS,
      ...current.map((one) => lingerLeftMs(one, now)),
    ),
  };
}

function lingerLeftMs(runner: Runner, now: Date): number {
  if (standingOf(runner) !== 'Ending') return Number.POSITIVE_INFINITY;
  return (runner.endedAtMs ?? runner.token?.sinceMs ?? now.getTime()) + LINGER_MS - now.getTime();
}

/**
 * Failures are forgotten with their slot: one that is neither filled nor wanted has nothing to say any more. Those that
 * are only now put on record stay whatever their slot, since the next plan removes their pods by it.
 */
function stillOf(
  failures: readonly SlotFailure[],
  present: readonly Runner[],
  wanted: readonly number[],
  blocked: boolean,
): SlotFailure[] {
  const slots = new Set([...wanted, ...present.map((one) => one.slot)]);
  return failures.filter((one) => blocked || slots.has(one.slot));
}

function deletions(runners: readonly Runner[], reason: DeleteReason): PoolAction[] {
  return runners.map(({ name, uid }) => ({ type: 'DeleteRunner', runner: { name, uid }, reason }));
}

function without(runners: readonly Runner[], ...gone: readonly (readonly Runner[])[]): Runner[] {
  const set = new Set(gone.flat());
  return runners.filter((one) => !set.has(one));
}

function soonest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((one) => one !== undefined && Number.isFinite(one)) as number[];
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known));
}
