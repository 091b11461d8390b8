import { durationSeconds } from '../../resources/duration.ts';
import type { RunnerPoolSpec, SlotFailure } from '../../resources/runner_pool.ts';
import { backoffMs } from './backoff.ts';
import type { Runner } from './observed.ts';
import { hasStarted, isLive, standingOf } from './standing.ts';

/** As many as the status may hold; see runnerPoolStatus. */
export const MAX_FAILURES = 1000;

export interface FailedStarts {
  /** What the status is to say from now on: the failures of before, without the slots that have recovered. */
  failures: SlotFailure[];
  /** Runners whose failure is on record already: their pods may go. */
  recorded: Runner[];
  /** Runners whose failure is only now put on record; the next plan deletes them. */
  fresh: Runner[];
  /** When the next start times out by itself, in ms from now. */
  nextTimeoutMs?: number | undefined;
}

/**
 * Finds the starts that have failed: the pod ended in failure, or startupTimeout passed, before the runner was ever
 * idle. The failure goes to the status first and the pod goes only in a later plan, so that a crash between the two
 * forgets no attempt.
 */
export function failedStarts(
  runners: readonly Runner[],
  before: readonly SlotFailure[],
  lifecycle: RunnerPoolSpec['lifecycle'],
  now: Date,
): FailedStarts {
  const failures = new Map(before.map((one) => [one.slot, one]));
  const recorded: Runner[] = [];
  const fresh: Runner[] = [];
  let nextTimeoutMs: number | undefined;
  for (const runner of runners) {
    if (hasStarted(runner)) {
      if (overcome(failures.get(runner.slot), runner)) failures.delete(runner.slot);
      continue;
    }
    const deadlineMs = runner.createdAtMs + durationSeconds(lifecycle.startupTimeout) * 1000;
    const failure = failureOf(runner, deadlineMs, lifecycle, now);
    if (failure === undefined) {
      if (standingOf(runner) === 'Starting')
        nextTimeoutMs = Math.min(nextTimeoutMs ?? Number.POSITIVE_INFINITY, deadlineMs - now.getTime());
    } else if ((failures.get(runner.slot)?.attempt ?? 0) >= runner.attempt || failures.size >= MAX_FAILURES) {
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
    nextTimeoutMs,
  };
}

/** A runner that has started ends its slot's failures; one that is past its life may only end those of before it. */
function overcome(failure: SlotFailure | undefined, runner: Runner): boolean {
  if (failure === undefined) return false;
  return isLive(runner) ? failure.attempt <= runner.attempt : failure.attempt < runner.attempt;
}

function failureOf(
  runner: Runner,
  deadlineMs: number,
  lifecycle: RunnerPoolSpec['lifecycle'],
  now: Date,
): SlotFailure | undefined {
  const standing = standingOf(runner);
  const exited = standing === 'Finished' && runner.phase === 'Failed';
  const late = standing === 'Starting' && now.getTime() >= deadlineMs;
  if (!exited && !late) return undefined;
  const what = exited
    ? `runner ${runner.name} ended before it was ever idle`
    : `runner ${runner.name} was not idle ${lifecycle.startupTimeout} after its pod was made`;
  return {
    slot: runner.slot,
    attempt: runner.attempt,
    notBefore: timestamp(new Date(now.getTime() + backoffMs(lifecycle, runner.attempt))),
    reason: exited ? 'RunnerExited' : 'StartupTimeout',
    message: runner.trouble === undefined ? what : `${what}: ${runner.trouble}`,
  };
}

/** RFC 3339 in whole seconds, rounded up: nothing happens before the time that was told. */
function timestamp(time: Date): string {
  return new Date(Math.ceil(time.getTime() / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
