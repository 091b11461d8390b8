import type { ServerResponse } from 'node:http';
import { IDEMPOTENCY_KEY_HEADER } from '../protocol/idempotency.ts';
import type { RunnerStatusRequest } from '../protocol/runner.ts';
import type { Answer, Call } from './call_once.ts';
import { type CredentialCall, createCredentialCalls } from './credential_calls.ts';
import type { Exchange, Handler } from './handlers.ts';
import { readBody } from './read_body.ts';
import { Refused } from './refusal.ts';
import { sendAnswer, sendRefusal } from './send_answer.ts';
import { readReport, STATUS_CALL, type StateReports } from './state_reports.ts';
import type { Upstream } from './upstream.ts';

const BODY_LIMIT = 16 * 1024;
/** Longer than the api takes at most: an answer that comes too late would be lost. */
const CREDENTIAL_TIMEOUT = 25_000;

export interface RunnerReports {
  reports: StateReports;
  /** The api has taken a report of the runner's own. */
  onReport(state: RunnerStatusRequest['state']): void;
}

/**
 * The routes of the api that any program in the pod may use as the runner: who am I, what I am doing, and my supplied
 * credential. Every other path of the api stays closed to the job, since here it would be asked with the pod's own token.
 */
export function runnerHandler(upstream: Upstream, { reports, onReport }: RunnerReports): Handler {
  const credentialCalls = createCredentialCalls(() => crypto.randomUUID());
  /** The api's answer to the runner's last word, for a runner that says it again: of the api it would get nothing more. */
  let ended: Answer | undefined;

  async function report(body: Buffer): Promise<Answer> {
    const said = readReport(body);
    // What can't be read goes to the api as it is, which knows best what is wrong with it.
    if (said === undefined) return upstream.call({ ...STATUS_CALL, body });
    if (said.state === 'Terminated' && ended !== undefined) return ended;
    const answer = await reports.say(said);
    if (answer.status >= 300) return answer;
    onReport(said.state);
    if (said.state === 'Terminated') ended = answer;
    return answer;
  }

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
      if (path === '/v1/runner/status' && request.method === 'POST') {
        sendAnswer(response, await report(await readBody(request, BODY_LIMIT)));
        return;
      }
      sendAnswer(response, await upstream.call(callOf(exchange)));
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
    sendAnswer(response, answer);
    await closed;
    // A 503 doesn't say how far the hand-out got.
    settled = response.writableFinished && answer.status !== 503;
  } catch (error) {
    refuse(response, error);
  } finally {
    call.ended(settled);
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  sendRefusal(response, error);
  if (!(error instanceof Refused)) throw error;
}

function callOf({ request, path }: Exchange): Call {
  if (path === '/v1/runner' && request.method === 'GET') return { method: 'GET', path, idempotent: true };
  throw new Refused(
    'not-found',
    404,
    'there is nothing here: ask GET /v1/runner, GET /v1/runner/credential or POST /v1/runner/status',
  );
}
