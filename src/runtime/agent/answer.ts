import type { Logger } from 'pino';
import { type AgentOrder, agentReport } from '../../protocol/agent.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import type { LiveTokens } from '../live_tokens.ts';
import { problemOf } from '../problem.ts';
import { isServed, WHILE_ALIVE, wrongState } from '../served_states.ts';
import type { StoreReport } from '../store_report.ts';
import type { Connection } from './connection.ts';
import { reportOf } from './report_of.ts';

export interface AnswerOptions {
  live: LiveTokens;
  storeReport: StoreReport;
  log: Logger;
}

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
      if (!isServed(WHILE_ALIVE, token)) throw wrongState(WHILE_ALIVE, token);
      return { type: 'ack', id: said.id, report: await storeReport(token, reportOf(said)) };
    } catch (error) {
      if (error instanceof TokenRefused) throw error;
      const found = problemOf(error);
      const internal = found.code === 'internal-error';
      if (internal) log.error({ err: error, runner: claims.sub }, 'an agent message failed');
      const retryAfter = Number(found.headers['retry-after']);
      return {
        type: 'error',
        id: said.id,
        code: found.code,
        detail: internal ? 'Something failed on our side.' : found.message,
        ...(Number.isSafeInteger(retryAfter) ? { retryAfterSeconds: retryAfter } : {}),
      };
    }
  };
}

function readReport(message: string) {
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return { error: { type: 'error', code: 'bad-request', detail: 'The message is not JSON.' } as const };
  }
  const parsed = agentReport.safeParse(value);
  if (parsed.success) return { said: parsed.data };
  const [issue] = parsed.error.issues;
  const id = (value as { id?: unknown } | null)?.id;
  return {
    error: {
      type: 'error',
      ...(typeof id === 'string' ? { id: id.slice(0, 64) } : {}),
      code: 'unprocessable-content',
      detail: `/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'is not acceptable'}`,
    } as const,
  };
}
