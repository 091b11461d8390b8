import type { ProblemCode } from '../protocol/problem.ts';
import type { Answer } from './call_once.ts';
import { Refused } from './refusal.ts';

/** The api's problem document (RFC 9457) as an error; a body that isn't one counts by its status. */
export function refusedBy(answer: Answer): Refused {
  let problem: { code?: unknown; detail?: unknown } = {};
  try {
    problem = JSON.parse(answer.body.toString('utf8')) as typeof problem;
  } catch {}
  const code = typeof problem.code === 'string' ? (problem.code as ProblemCode) : codeOf(answer.status);
  const detail = typeof problem.detail === 'string' ? problem.detail : `the api answered ${answer.status}`;
  return new Refused(code, answer.status, detail, answer.retryAfter);
}

const CODES: Record<number, ProblemCode> = {
  400: 'bad-request',
  401: 'unauthorized',
  403: 'permission-denied',
  404: 'not-found',
  409: 'cache-entry-exists',
  413: 'body-too-large',
  415: 'unsupported-media-type',
  422: 'unprocessable-content',
  429: 'too-many-requests',
};

function codeOf(status: number): ProblemCode {
  return CODES[status] ?? (status >= 500 ? 'unavailable' : 'bad-request');
}
