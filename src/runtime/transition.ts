import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { RunnerState, RunnerTokenStatus } from '../resources/runner_token.ts';

/**
 * Where a runner may go from each state. It lives once: a job is never followed by another, and the end is the end.
 * A runner that said nothing yet may say anything, since its first report may have been lost.
 */
const NEXT: Record<RunnerState, readonly RunnerState[]> = {
  Installing: ['Idle', 'Busy', 'Terminated'],
  Idle: ['Busy', 'Terminated'],
  Busy: ['Terminated'],
  Terminated: [],
};

/** Whether a report of `to` is news, is what is known already, or can't be. */
export function transition(from: RunnerState | undefined, to: RunnerState): 'new' | 'same' | 'illegal' {
  if (from === undefined) return 'new';
  if (from === to) return 'same';
  return NEXT[from].includes(to) ? 'new' : 'illegal';
}

export type Report = NonNullable<RunnerTokenStatus['runner']>;

/**
 * The report that follows from what was stored and what is said now; pure. `since` stays while the state does, and
 * what says nothing new is the very report that was stored, so nothing needs to be written. Undefined if illegal.
 */
export function nextReport(
  before: Report | undefined,
  said: RunnerStatusRequest,
  now: Date,
): Report | undefined {
  const verdict = transition(before?.state, said.state);
  if (verdict === 'illegal') return undefined;
  if (before !== undefined && verdict === 'same' && before.message === said.message) return before;
  const since = before !== undefined && verdict === 'same' ? before.since : now.toISOString();
  const busySince = said.state === 'Busy' ? since : before?.busySince;
  return { ...said, since, ...(busySince === undefined ? {} : { busySince }) };
}
