import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { Answer } from './call_once.ts';
import type { Upstream } from './upstream.ts';

/** The way by which what is said of the runner's state reaches the api. */
export interface StateReports {
  /** Answers as the api answers POST /v1/runner/status; throws Refused when there is no answer in time, in ms. */
  say(said: RunnerStatusRequest, timeout?: number): Promise<Answer>;
}

export const STATUS_CALL = { method: 'POST', path: '/v1/runner/status', idempotent: false } as const;

/** One POST a report. */
export function postReports(upstream: Pick<Upstream, 'call'>): StateReports {
  return {
    say: (said, timeout) =>
      upstream.call({
        ...STATUS_CALL,
        body: JSON.stringify(said),
        ...(timeout === undefined ? {} : { timeout }),
      }),
  };
}

const STATES: readonly string[] = [
  'Installing',
  'Idle',
  'Busy',
  'Terminated',
] satisfies RunnerStatusRequest['state'][];

/** A report as the runner wrote it; undefined for one that only the api can say what is wrong with. */
export function readReport(body: Buffer): RunnerStatusRequest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { state, message, ...others } = value as Record<string, unknown>;
  if (typeof state !== 'string' || !STATES.includes(state) || Object.keys(others).length > 0)
    return undefined;
  if (message !== undefined && (typeof message !== 'string' || message.length > 1024)) return undefined;
  return { state: state as RunnerStatusRequest['state'], ...(message === undefined ? {} : { message }) };
}
