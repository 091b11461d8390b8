import type { Logger } from 'pino';
import { problemBody } from '../../http/problem_body.ts';
import { type AgentOrder, type AgentReport, agentReport } from '../../protocol/agent.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import type { LiveTokens } from '../live_tokens.ts';
import { type Problem, problem, problemOf } from '../problem.ts';
import { isServed, standingOf, WHILE_ALIVE, wrongState } from '../served_states.ts';
import type { StoreReport } from '../store_report.ts';
import type { Connection } from './connection.ts';
import { reportOf } from './report_of.ts';

export interface AnswerOptions {
  live: LiveTokens;
  storeReport: StoreReport;
  log: Logger;
}

const DOUBTED = problem('unavailable', 'Whether the token still holds cannot be learned now; retry.', {
  headers: { 'retry-after': '1' },
});

export type Answer = (connection: Connection, message: string) => Promise<AgentOrder>;

/**
 * What one message of a runner comes to: stored and acknowledged, or an error. The token is checked at each message as
 * it is at each request. Throws TokenRefused when it no longer holds.
 */
export function createAnswer({ live, storeReport, log }: AnswerOptions): Answer {
  return async ({ claims }, message) => {
    const read = readReport(message);
    if (read.said === undefined) return read.error;
    const { said } = read;
    try {
      let token = await live.check(claims);
      if (!isServed(WHILE_ALIVE, token)) token = await live.recheck(claims);
      if (!isServed(WHILE_ALIVE, token)) throw wrongState(WHILE_ALIVE, standingOf(token));
      return { type: 'ack', id: said.id, report: await storeReport(token, reportOf(said)) };
    } catch (error) {
      if (error instanceof TokenRefused && error.refusal === 'unverifiable')
        return errorOrder(DOUBTED, said.id);
      if (error instanceof TokenRefused) throw error;
      const found = problemOf(error);
      if (found.statusCode >= 500) log.error({ err: error, runner: claims.sub }, 'an agent message failed');
      return errorOrder(found, said.id);
    }
  };
}

/** An error as the runner is told it: the body that HTTP would answer. */
export function errorOrder(found: Problem, id?: string): AgentOrder {
  const { code, message: detail, errors } = found;
  const retryAfter = Number(found.headers['retry-after']);
  return {
    type: 'error',
    ...(id === undefined ? {} : { id }),
    problem: problemBody({ code, detail, errors }),
    ...(Number.isSafeInteger(retryAfter) ? { retryAfterSeconds: retryAfter } : {}),
  };
}

function readReport(message: string): { said: AgentReport } | { said?: never; error: AgentOrder } {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return { error: errorOrder(problem('bad-request', 'The message is not JSON.')) };
  }
  const parsed = agentReport.safeParse(value);
  if (parsed.success) return { said: parsed.data };
  const errors = parsed.error.issues.map(({ path, message: wrong }) => ({
    path: path.map((part) => `/${String(part)}`).join(''),
    message: wrong,
  }));
  const id = (value as { id?: unknown } | null)?.id;
  return {
    error: errorOrder(
      problem('unprocessable-content', 'The message is not one of the protocol.', { errors }),
      typeof id === 'string' ? id.slice(0, 64) : undefined,
    ),
  };
}
