import type { RunnerState, RunnerToken } from '../resources/runner_token.ts';
import { type Problem, problem } from './problem.ts';

/** A runner's state as its endpoints see it: Pending until its first report. */
export type RunnerStanding = 'Pending' | RunnerState;

/** From a token that was issued to the report that all is over. */
export const WHILE_ALIVE: readonly RunnerStanding[] = ['Pending', 'Installing', 'Idle', 'Busy'];
/** While it gets ready; a runner that has not reported yet does that first. */
export const WHILE_INSTALLING: readonly RunnerStanding[] = ['Installing'];
/** While it can have a job. */
export const AT_WORK: readonly RunnerStanding[] = ['Idle', 'Busy'];
/** Once it has said anything at all. */
export const SINCE_REPORTED: readonly RunnerStanding[] = ['Installing', 'Idle', 'Busy'];

export function standingOf(token: RunnerToken): RunnerStanding {
  return token.status?.runner?.state ?? 'Pending';
}

export function isServed(states: readonly RunnerStanding[] | undefined, token: RunnerToken): boolean {
  return states?.includes(standingOf(token)) ?? false;
}

export function wrongState(states: readonly RunnerStanding[] | undefined, standing: RunnerStanding): Problem {
  return problem(
    'wrong-state',
    `This endpoint serves runners that are ${states?.join(', ')}; this one is ${standing}. Report the state with POST /v1/runner/status.`,
  );
}
