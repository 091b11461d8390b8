import type { Drain } from './drain.ts';
import type { Exchange, Handler } from './handlers.ts';
import { sendJson } from './handlers.ts';

export const DRAIN_PATH = '/v1/runner/drain';
const LONGEST_WAIT_SECONDS = 300;

/**
 * `GET /v1/runner/drain`: whether the runner is wanted gone, from memory. With `?wait=<seconds>` the answer comes as
 * soon as it is, or when the time is over.
 */
export function drainHandler(drain: Drain): Handler {
  return async ({ query, response }: Exchange) => {
    const seconds = Number(query.get('wait') ?? 0);
    if (!(seconds >= 0 && seconds <= LONGEST_WAIT_SECONDS)) {
      const detail = `wait is a number of seconds, ${LONGEST_WAIT_SECONDS} at most`;
      sendJson(response, 400, { status: 400, code: 'bad-request', detail });
      return;
    }
    if (drain.current === undefined && seconds > 0) await drain.changed(seconds * 1000);
    const { current } = drain;
    sendJson(response, 200, { draining: current !== undefined, ...current });
  };
}
