import { durationSeconds } from '../../resources/duration.ts';
import type { RunnerPoolSpec, SlotFailure } from '../../resources/runner_pool.ts';
import { backoffMs } from './backoff.ts';
import type { Observed, Runner } from './observed.ts';
import { isLive, standingOf } from './standing.ts';
import { unseenEnd } from './unseen_end.ts';

/** As many as the status may hold; see runnerPoolStatus. */
export const MAX_FAILURES = 1000;

/**
 * A runner that has run for so long has started, even if no job came. One that ends sooner without having had a job
 * and without success has failed to: a program that cannot join its forge often lives for some seconds.
 */
const STEADY_MS = 60_000;

export interface FailedStarts {
  /** What the status is to say from now on: the failures of before, without the slots that have recovered. */
  failures: SlotFailure[];
  /** Runners whose failure is on record already: their pods may go. */
  recorded: Runner[];
  /** Runners whose failure is only now put on record; the next plan deletes them. */
  fresh: Runner[];
  /** When time alone fails the next start, or ends the failures of a slot, in ms from now. */
  nextChangeMs?: number | undefined;
}

/**
 * Finds the starts that have failed: the pod ended in failure before its runner had a job or ran for a minute, or at all
 * without having joined its forge, or startupTimeout passed before it was idle. The failure goes to the status first and the pod goes only in a later plan,
 * so that a crash between the two forgets no attempt.
 */
export function failedStarts(
  runners: readonly Runner[],
  before: readonly SlotFailure[],
  lifecycle: RunnerPoolSpec['lifecycle'],
  forge: Observed['forge'],
  now: Date,
): FailedStarts {
  const failures = new Map(before.map((one) => [one.slot, one]));
  const recorded: Runner[] = [];
  const fresh: Runner[] = [];
  for (const runner of runners) {
    const end = unseenEnd(runner, forge);
    if (end === 'Unknown') continue;
    if (end === 'Fine' && hasStarted(runner, now)) {
      if (overcome(failures.get(runner.slot), runner)) failures.delete(runner.slot);
      continue;
    }
    const failure = failureOf(runner, end === 'NeverJoined', lifecycle, now);
    if (failure === undefined) continue;
    if ((failures.get(runner.slot)?.attempt ?? 0) >= runner.attempt || failures.size >= MAX_FAILURES) {
      recorded.push(runner);
    } else {
      failures.set(runner.slot, failure);
      fresh.push(runner);
    }
  }
  return {
    failures: [...failures.values()].sort((a, b) => a.slot - b.slot),
    recorded,
    fresh,
    nextChangeMs: nextChangeMs(runners, failures, lifecycle, now),
  };
}

function nextChangeMs(
  runners: readonly Runner[],
  failures: ReadonlyMap<number, SlotFailure>,
  lifecycle: RunnerPoolSpec['lifecycle'],
  now: Date,
): number | undefined {
  const changes = runners.map((runner) => {
    const standing = standingOf(runner);
    if (standing === 'Starting') return deadlineMs(runner, lifecycle) - now.getTime();
    if (standing !== 'Idle' || !failures.has(runner.slot)) return Number.POSITIVE_INFINITY;
    return (runner.startedAtMs ?? 0) + STEADY_MS - now.getTime();
  });
  const future = changes.filter((ms) => ms > 0 && Number.isFinite(ms));
  return future.length === 0 ? undefined : Math.min(...future);
}

function deadlineMs(runner: Runner, lifecycle: RunnerPoolSpec['lifecycle']): number {
  return runner.createdAtMs + durationSeconds(lifecycle.startupTimeout) * 1000;
}

function hasStarted(runner: Runner, now: Date): boolean {
  const { token, phase, startedAtMs } = runner;
  if (token?.state === 'Busy' || token?.busySinceMs !== undefined || phase === 'Succeeded') return true;
  if (runner.forge !== undefined && !runner.forge.joined) return runner.forge.busy;
  if (token?.state === undefined || token.state === 'Installing') return false;
  // A pod that its node gave up says nothing of its containers: that it was idle has to do.
  if (startedAtMs === undefined) return !isLive(runner);
  return (runner.endedAtMs ?? now.getTime()) - startedAtMs >= STEADY_MS;
}

/** A runner that has started ends its slot's failures; one that is past its life may only end those of before it. */
function overcome(failure: SlotFailure | undefined, runner: Runner): boolean {
  if (failure === undefined) return false;
  return isLive(runner) ? failure.attempt <= runner.attempt : failure.attempt < runner.attempt;
}

function failureOf(
  runner: Runner,
  neverJoined: boolean,
  lifecycle: RunnerPoolSpec['lifecycle'],
  now: Date,
): SlotFailure | undefined {
  const standing = standingOf(runner);
  const exited = standing === 'Finished' && (runner.phase === 'Failed' || neverJoined);
  const late = isLate(runner, lifecycle, now);
  if (!exited && !late) return undefined;
  const what = exited
    ? `runner ${runner.name} ended before it ${neverJoined ? 'had joined its forge' : 'had a job'}`
    : `runner ${runner.name} ${lateFor(runner)} ${lifecycle.startupTimeout} after its pod was made`;
  return {
    slot: runner.slot,
    attempt: runner.attempt,
    notBefore: timestamp(new Date(now.getTime() + backoffMs(lifecycle, runner.attempt))),
    reason: exited ? 'RunnerExited' : 'StartupTimeout',
    message: runner.trouble === undefined ? what : `${what}: ${runner.trouble}`,
  };
}

/** Whether the runner's start is about to be called failed for having taken too long. */
export function isLate(runner: Runner, lifecycle: RunnerPoolSpec['lifecycle'], now: Date): boolean {
  return standingOf(runner) === 'Starting' && now.getTime() >= deadlineMs(runner, lifecycle);
}

function lateFor({ forge, token }: Runner): string {
  return forge !== undefined && !forge.joined && token?.state === 'Idle'
    ? 'had not joined its forge'
    : 'was not idle';
}

/** RFC 3339 in whole seconds, rounded up: nothing happens before the time that was told. */
function timestamp(time: Date): string {
  return new Date(Math.ceil(time.getTime() / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
