import type { Agent, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { IDEMPOTENCY_KEY_HEADER } from '../protocol/idempotency.ts';
import { JOB_TOKEN_HEADER } from '../protocol/job_token.ts';
import { requesterOf } from './node_http.ts';
import { readBody } from './read_body.ts';

export interface Call {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query under the api's base, beginning with `/v1/`. */
  path: string;
  body?: string | Buffer;
  /** Whether doing it twice does no harm: only such calls are repeated once they may have arrived. */
  idempotent: boolean;
  /** Milliseconds for one try; 30 s unless told. */
  timeout?: number;
  /** By it the api knows a call that its caller repeats. Such a call is never repeated here. */
  idempotencyKey?: string;
  /** The job's own token, on calls about its cache; sent only where the pool takes scopes from jobs. */
  jobToken?: string | undefined;
}

export interface Answer {
  status: number;
  contentType: string;
  body: Buffer;
  retryAfter: string | undefined;
}

const CALL_TIMEOUT = 30_000;
const ANSWER_LIMIT = 4 * 1024 * 1024;

/** One try of a call to the api; throws Unanswered when no answer came. */
export function callOnce(
  base: string,
  call: Call,
  bearer: string,
  agentOf: (protocol: string) => Agent,
): Promise<Answer> {
  const target = new URL(`${base}${call.path}`);
  const headers: OutgoingHttpHeaders = { authorization: `Bearer ${bearer}`, accept: 'application/json' };
  if (call.idempotencyKey !== undefined) headers[IDEMPOTENCY_KEY_HEADER] = call.idempotencyKey;
  if (call.jobToken !== undefined) headers[JOB_TOKEN_HEADER] = call.jobToken;
  if (call.body !== undefined) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = Buffer.byteLength(call.body);
  }
  return new Promise((resolve, reject) => {
    const request = requesterOf(target.protocol).request(target, {
      method: call.method,
      headers,
      agent: agentOf(target.protocol),
      signal: AbortSignal.timeout(call.timeout ?? CALL_TIMEOUT),
    });
    request.once('error', (error) => reject(new Unanswered(error, request.reusedSocket)));
    request.once('response', (response: IncomingMessage) => {
      readBody(response, ANSWER_LIMIT).then(
        (body) =>
          resolve({
            status: response.statusCode ?? 502,
            contentType: response.headers['content-type'] ?? 'application/json',
            body,
            retryAfter: response.headers['retry-after'],
          }),
        reject,
      );
    });
    request.end(call.body);
  });
}

/** A call without an answer: `mayRepeat` tells whether it may be tried again. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  readonly code: string;
  /** A kept connection that the server had already closed: the request never arrived. */
  readonly stale: boolean;
  constructor(cause: NodeJS.ErrnoException, reusedSocket: boolean) {
    super(cause.message);
    this.code = cause.code ?? cause.name;
    this.stale = reusedSocket && cause.code === 'ECONNRESET';
  }
}

const NEVER_ARRIVED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/**
 * A call that surely never arrived may be repeated whatever it does, any other only when it is idempotent. One
 * that ran into its time limit is not repeated: the job's own client is about to lose patience too.
 */
export function mayRepeat(error: unknown, call: Call): boolean {
  if (!(error instanceof Unanswered) || error.code === 'ABORT_ERR') return false;
  // A reset of a kept connection may mean an api that died at work on it.
  const stale = error.stale && call.idempotencyKey === undefined;
  return call.idempotent || stale || NEVER_ARRIVED.has(error.code);
}
