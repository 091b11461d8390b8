import type { ServerResponse } from 'node:http';
import { IDEMPOTENCY_KEY_HEADER } from '../protocol/idempotency.ts';
import { type CredentialCall, createCredentialCalls } from './credential_calls.ts';
import type { Exchange, Handler } from './handlers.ts';
import { sendJson } from './handlers.ts';
import { readBody } from './read_body.ts';
import { asRefused, Refused } from './refusal.ts';
import type { Answer, Call, Upstream } from './upstream.ts';

const BODY_LIMIT = 16 * 1024;
/** Longer than the api takes at most: an answer that comes too late would be lost. */
const CREDENTIAL_TIMEOUT = 25_000;

/**
 * The routes of the api that any program in the pod may use as the runner: who am I, what I am doing, and my supplied
 * credential. Every other path of the api stays closed to the job, since here it would be asked with the pod's own token.
 */
export function runnerHandler(upstream: Upstream, onReport: () => void): Handler {
  const credentialCalls = createCredentialCalls(() => crypto.randomUUID());

  return async (exchange) => {
    const { request, response, path } = exchange;
    if (path === '/v1/runner/credential' && request.method === 'GET') {
      const brought = request.headers[IDEMPOTENCY_KEY_HEADER];
      await fetchCredential(
        upstream,
        response,
        credentialCalls(Array.isArray(brought) ? brought[0] : brought),
      );
      return;
    }
    try {
      const call = await callOf(exchange);
      const answer = await upstream.call(call);
      if (call.method === 'POST' && answer.status < 300) onReport();
      send(response, answer);
    } catch (error) {
      refuse(response, error);
    }
  };
}

async function fetchCredential(
  upstream: Upstream,
  response: ServerResponse,
  call: CredentialCall,
): Promise<void> {
  let settled = false;
  try {
    const answer = await upstream.call({
      method: 'GET',
      path: '/v1/runner/credential',
      idempotent: false,
      timeout: CREDENTIAL_TIMEOUT,
      idempotencyKey: call.key,
    });
    // A program that has gone away doesn't get it, and no event tells so any more.
    if (response.destroyed) return;
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    send(response, answer);
    await closed;
    // A 503 doesn't say how far the hand-out got.
    settled = response.writableFinished && answer.status !== 503;
  } catch (error) {
    refuse(response, error);
  } finally {
    call.ended(settled);
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer.retryAfter !== undefined) response.setHeader('retry-after', answer.retryAfter);
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': answer.body.length,
    'cache-control': 'no-store',
  });
  response.end(answer.body);
}

function refuse(response: ServerResponse, error: unknown): void {
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

async function callOf({ request, path }: Exchange): Promise<Call> {
  if (path === '/v1/runner' && request.method === 'GET') return { method: 'GET', path, idempotent: true };
  if (path === '/v1/runner/status' && request.method === 'POST')
    return { method: 'POST', path, body: await readBody(request, BODY_LIMIT), idempotent: false };
  throw new Refused(
    'not-found',
    404,
    'there is nothing here: ask GET /v1/runner, GET /v1/runner/credential or POST /v1/runner/status',
  );
}
