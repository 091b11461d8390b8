import type { AgentOrder, AgentReport } from '../protocol/agent.ts';
import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { Answer } from './call_once.ts';

/** A report of the runner's state as a message of the agent connection. */
export function messageOf({ state, message }: RunnerStatusRequest, id: string): AgentReport {
  const more = message === undefined ? { id } : { id, message };
  switch (state) {
    case 'Installing':
    case 'Idle':
      return { type: 'online', ready: state === 'Idle', ...more };
    case 'Busy':
      return { type: 'job-started', ...more };
    case 'Terminated':
      return { type: 'job-finished', ...more };
  }
}

/** What the api says of a message, as HTTP would have answered it. */
export function answerOf(order: Extract<AgentOrder, { type: 'ack' | 'error' }>): Answer {
  if (order.type === 'ack') {
    const body = Buffer.from(JSON.stringify(order.report));
    return { status: 200, contentType: 'application/json', body, retryAfter: undefined };
  }
  const { problem, retryAfterSeconds } = order;
  return {
    status: problem.status,
    contentType: 'application/problem+json',
    body: Buffer.from(JSON.stringify(problem)),
    retryAfter: retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds),
  };
}
