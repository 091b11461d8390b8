import type { Exchange, Handler } from './handlers.ts';
import { sendJson } from './handlers.ts';
import { readBody } from './read_body.ts';
import { asRefused, Refused } from './refusal.ts';
import type { Call, Upstream } from './upstream.ts';

const BODY_LIMIT = 16 * 1024;

/**
 * The two routes of the api that any program in the pod may use as the runner: who am I, and what I am doing.
 * Every other path of the api stays closed to the job, since here it would be asked with the pod's own token.
 */
export function runnerHandler(upstream: Upstream, onReport: () => void): Handler {
  return async (exchange) => {
    const { response } = exchange;
    try {
      const call = await callOf(exchange);
      const answer = await upstream.call(call);
      if (call.method === 'POST' && answer.status < 300) onReport();
      if (answer.retryAfter !== undefined) response.setHeader('retry-after', answer.retryAfter);
      response.writeHead(answer.status, {
        'content-type': answer.contentType,
        'content-length': answer.body.length,
      });
      response.end(answer.body);
    } catch (error) {
      const refused = asRefused(error);
      sendJson(response, refused.status, {
        type: 'about:blank',
        title: refused.code,
        status: refused.status,
        detail: refused.message,
        code: refused.code,
      });
      if (!(error instanceof Refused)) throw error;
    }
  };
}

async function callOf({ request, path }: Exchange): Promise<Call> {
  if (path === '/v1/runner' && request.method === 'GET') return { method: 'GET', path, idempotent: true };
  if (path === '/v1/runner/status' && request.method === 'POST')
    return { method: 'POST', path, body: await readBody(request, BODY_LIMIT), idempotent: false };
  throw new Refused('not-found', 404, 'there is nothing here: ask GET /v1/runner or POST /v1/runner/status');
}
