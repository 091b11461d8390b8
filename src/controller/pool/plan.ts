import type { RunnerPoolStatus, SlotFailure } from '../../resources/runner_pool.ts';
import type { DeleteReason, PoolAction } from '../action.ts';
import { awaitsInterception, blockedBy } from './blocked.ts';
import { drain } from './drain.ts';
import { failedStarts } from './failed_starts.ts';
import { findGhosts, free, mayGetJob, removeOrphans } from './forge_records.ts';
import type { Observed, Runner } from './observed.ts';
import { ofOtherCredential } from './other_credential.ts';
import { planRemoval } from './removal.ts';
import { rollout } from './rollout.ts';
import { scaleDown } from './scale_down.ts';
import { scaling } from './scaling.ts';
import { fillSlots } from './slots.ts';
import { soonest } from './soonest.ts';
import { fellWithParent, identityLost, isLive, standingOf, toBeDeleted } from './standing.ts';
import { poolStatus } from './status.ts';
import { unseenEnd } from './unseen_end.ts';

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
export function plan(seen: Observed, now: Date): Plan {
  if (seen.pool.deleting) return planRemoval(seen, now);
  const scaled = scaling(seen, now);
  const { observed } = scaled;
  const { pool, runners, templateHash } = observed;
  const { spec } = pool;
  const starts = failedStarts(runners, pool.status?.failures ?? [], spec.lifecycle, observed.forge, now);
  // Their slots wait as well: whether the next start has to pause is not known yet.
  const unclear = runners.filter((one) => unseenEnd(one, observed.forge) === 'Unknown');
  const blocked =
    blockedBy(observed) !== undefined ||
    awaitsInterception(observed) ||
    observed.forge.standing === 'Unknown';

  const ended = runners.filter((one) => standingOf(one) === 'Finished');
  const finished = without(ended, starts.fresh, unclear);
  const failed = free(starts.recorded.filter(isLive), observed);
  const live = runners.filter((one) => isLive(one) && !failed.includes(one));
  const lingering = live.filter((one) => lingerLeftMs(one, now) <= 0);
  const lost = live.filter((one) => identityLost(one) && standingOf(one) !== 'Ending');
  const lostNow = lost.filter(
    (one) => toBeDeleted(one) || (free([one], observed).length > 0 && standingOf(one) !== 'Busy'),
  );

  const ghosts = findGhosts(without(live, lingering, lostNow), now);
  const steady = without(live, lingering, lostNow, ghosts.idle);
  const recredentialed = free(ofOtherCredential(steady, observed), observed);
  const sound = without(steady, recredentialed);
  const change = blocked ? { replace: [], surge: 0 } : rollout(sound, templateHash, spec);
  const replaced = free(change.replace, observed);
  const current = without(sound, replaced);
  const target = spec.replicas + change.surge;
  const excess = scaleDown(current, target, templateHash);
  const removed = free(excess.remove, observed);
  const lostBusy = without(lost, lostNow).filter((one) => standingOf(one) === 'Busy');
  const going = new Set([...excess.drain, ...lostBusy, ...ghosts.busy]);
  const draining = drain([...going], current, spec.lifecycle, now);
  const kept = without(current, removed, draining.expired);

  const filling = blocked
    ? { create: [], wanted: [], nextStartMs: undefined }
    : fillSlots([...kept, ...unclear], runners, target, starts.failures, pool.status?.created ?? 0, now);
  const failures = stillOf(starts.failures, [...kept, ...unclear, ...starts.fresh], filling.wanted, blocked);

  const unheld = spec.lifecycle.onDelete === 'Drain' && !pool.hasDrainFinalizer;
  const unheldByForge = observed.forge.standing !== 'None' && !pool.hasForgeFinalizer;
  const orphans = removeOrphans(observed);
  const actions: PoolAction[] = [
    ...(unheld ? [{ type: 'AddDrainFinalizer' as const }] : []),
    ...(unheldByForge ? [{ type: 'AddForgeFinalizer' as const }] : []),
    ...scaled.actions,
    ...(observed.parent.standing === 'None' ? [{ type: 'MakeRegistration' as const }] : []),
    ...deletions(finished, 'Finished'),
    ...deletions(failed, 'StartFailed'),
    ...deletions(lingering, 'Lingering'),
    ...deletions(lostNow.filter(fellWithParent), 'Revoked'),
    ...deletions(without(lostNow, lostNow.filter(fellWithParent)), 'IdentityLost'),
    ...deletions(recredentialed, 'CredentialChanged'),
    ...deletions(ghosts.idle, 'RecordGone'),
    ...deletions(replaced, 'Outdated'),
    ...deletions(removed, 'ScaledDown'),
    ...orphans,
    ...draining.actions,
    ...filling.create.map((one) => ({ type: 'CreateRunner' as const, ...one })),
  ];
  const outcome = { observed, kept, created: filling.create, failures, scaling: scaled };
  const { status, nextReadyMs } = poolStatus(outcome, now);
  return {
    actions,
    status,
    againAfterMs: soonest(
      starts.fresh.length > 0 ? 0 : undefined,
      starts.nextChangeMs,
      draining.nextExpiryMs,
      filling.nextStartMs,
      nextReadyMs,
      scaled.againAfterMs,
      ghosts.nextMs,
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

/** One that could be given a job leaves its forge first. */
function deletions(runners: readonly Runner[], reason: DeleteReason): PoolAction[] {
  return runners.map((one) => ({
    type: 'DeleteRunner',
    runner: { name: one.name, uid: one.uid },
    reason,
    ...(one.forge !== undefined && mayGetJob(one) ? { record: one.forge.name } : {}),
  }));
}

function without(runners: readonly Runner[], ...gone: readonly (readonly Runner[])[]): Runner[] {
  const set = new Set(gone.flat());
  return runners.filter((one) => !set.has(one));
}
