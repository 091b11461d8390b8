import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Clock } from '../tokens/clock.ts';
import { problem } from './problem.ts';
import { nextReport, type Report } from './transition.ts';
import type { WriteApiStatus } from './write_api_status.ts';

export interface StoreReportOptions {
  write: WriteApiStatus;
  now: Clock;
}

export type StoreReport = (token: RunnerToken, said: RunnerStatusRequest) => Promise<Report>;

/** The controller writes to the same status, so the version may be passed by now and then; not so often in a row. */
const TRIES = 5;

/**
 * Writes what a runner says of itself to its RunnerToken's status, if it may go there from where it is, and answers
 * the report as stored. Throws a problem: `illegal-transition`, `stale-write`, `unavailable`.
 */
export function createStoreReport({ write, now }: StoreReportOptions): StoreReport {
  return async (held, said) => {
    const report = (token: RunnerToken): Report => {
      const before = token.status?.runner;
      const next = nextReport(before, said, new Date(now()));
      if (next === undefined)
        throw problem('illegal-transition', `A runner that is ${before?.state} can't become ${said.state}.`);
      return next;
    };
    const written = await write(
      held,
      (token) => {
        const runner = report(token);
        return runner === token.status?.runner ? undefined : { runner };
      },
      { tries: TRIES },
    );
    return written.status?.runner ?? report(written);
  };
}
