import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { StoreAnswer } from '../protocol/cache.ts';
import { IDEMPOTENCY_KEY_HEADER } from '../protocol/idempotency.ts';
import { JOB_TOKEN_HEADER } from '../protocol/job_token.ts';
import type { ProblemCode } from '../protocol/problem.ts';
import { fetchPlain } from './fetch_plain.ts';
import { storedOf } from './fetch_stored.ts';
import { createAsksForJob } from './job_token.ts';
import { requesterOf } from './node_http.ts';
import { readBody } from './read_body.ts';
import { Refused, unavailable } from './refusal.ts';
import { createStoreAgents } from './store_agents.ts';
import type { Body } from './stored.ts';
import type { TokenFile } from './token_file.ts';

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

export interface SignedRequest {
  method: 'GET' | 'PUT' | 'POST';
  /** As the api gave it: absolute, or a path under its base. */
  url: string;
  headers: OutgoingHttpHeaders;
}

/** The sidecar's only way out to the api and its stores. */
export interface Upstream {
  /** Any answer of the api, with the pod's own JWT; throws Refused when there is none. */
  call(call: Call): Promise<Answer>;
  /** The JSON of a 2xx answer; every other answer is thrown as Refused. */
  json<T>(call: Call): Promise<T>;
  /** Begins a request on a signed URL, which needs no token and gets none: a store must never see it. */
  signed(request: SignedRequest): ClientRequest;
  /** As `signed`, on a URL of a store that may have authorities of its own. */
  store(request: SignedRequest): Promise<ClientRequest>;
  /**
   * GETs a signed URL, the body to be taken.
   *
   * @param patience How long the answer's head may be waited for, in ms.
   */
  fetch(url: string, headers: OutgoingHttpHeaders, patience?: number): Promise<Body>;
  close(): void;
}

export interface UpstreamOptions {
  apiUrl: string;
  token: TokenFile;
  sleep?: (milliseconds: number) => Promise<void>;
}

const TRIES = 4;
const BACKOFF = 100;
const CALL_TIMEOUT = 30_000;
/** A stream to or from a store that stands still for so long is given up. */
const STREAM_TIMEOUT = 120_000;
const ANSWER_LIMIT = 4 * 1024 * 1024;
/** Bytes that a socket buffers each way: fewer pauses a megabyte than the default 64 KiB. */
export const SOCKET_BUFFER = 128 * 1024;

export function connectUpstream(options: UpstreamOptions): Upstream {
  const base = options.apiUrl.replace(/\/+$/, '');
  const sleep = options.sleep ?? ((ms) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const agents = new Map<string, Agent>();

  const agentOf = (protocol: string): Agent => {
    let agent = agents.get(protocol);
    if (agent === undefined) {
      const keep = { keepAlive: true, maxSockets: 64, maxFreeSockets: 8, highWaterMark: SOCKET_BUFFER };
      agent = new (requesterOf(protocol).Agent)(keep);
      agents.set(protocol, agent);
    }
    return agent;
  };

  const asksForJob = createAsksForJob();
  const send = (call: Call): Promise<Answer> => {
    const bearer = tokenOf(options.token);
    const { jobToken, ...own } = call;
    return once(base, jobToken !== undefined && asksForJob(bearer) ? call : own, bearer, agentOf);
  };

  const attempt = async (call: Call): Promise<Answer> => {
    const answer = await send(call);
    if (answer.status !== 401 || !options.token.reread()) return answer;
    return send(call);
  };

  const call = async (wanted: Call): Promise<Answer> => {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await attempt(wanted);
        if (answer.status !== 503 || !wanted.idempotent || tries === TRIES) return answer;
      } catch (error) {
        if (tries === TRIES || !mayRepeat(error, wanted)) throw asUnavailable(error);
      }
      await sleep(BACKOFF * 2 ** (tries - 1));
    }
  };

  const storeUrl = (url: string) => new URL(/^https?:/i.test(url) ? url : `${base}${url}`);

  const begin = ({ method, url, headers }: SignedRequest, agent?: Agent): ClientRequest => {
    const target = storeUrl(url);
    const request = requesterOf(target.protocol).request(target, {
      method,
      headers,
      agent: agent ?? agentOf(target.protocol),
      timeout: STREAM_TIMEOUT,
    });
    request.once('timeout', () => request.destroy(new Error('the store stands still')));
    return request;
  };

  const json = async <T>(wanted: Call): Promise<T> => {
    const answer = await call(wanted);
    if (answer.status >= 300) throw refusedBy(answer);
    return (answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'))) as T;
  };

  const storeAgents = createStoreAgents(() =>
    json<StoreAnswer>({ method: 'GET', path: '/v1/cache/store', idempotent: true }),
  );
  const store = async (request: SignedRequest): Promise<ClientRequest> =>
    /^https:/i.test(request.url) ? begin(request, await storeAgents.agent()) : begin(request);

  return {
    call,
    json,
    signed: (request) => begin(request),
    store,
    async fetch(url, headers, patience) {
      const target = storeUrl(url);
      return target.protocol === 'http:'
        ? fetchPlain(target, headers, STREAM_TIMEOUT, patience)
        : storedOf(await store({ method: 'GET', url, headers }), patience);
    },
    close() {
      storeAgents.close();
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

function tokenOf(file: TokenFile): string {
  try {
    return file.read();
  } catch {
    throw unavailable('the runtime token is not there yet');
  }
}

function once(
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

class Unanswered extends Error {
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
function mayRepeat(error: unknown, call: Call): boolean {
  if (!(error instanceof Unanswered) || error.code === 'ABORT_ERR') return false;
  // A reset of a kept connection may mean an api that died at work on it.
  const stale = error.stale && call.idempotencyKey === undefined;
  return call.idempotent || stale || NEVER_ARRIVED.has(error.code);
}

function asUnavailable(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return unavailable(`the api did not answer${error instanceof Unanswered ? ` (${error.code})` : ''}`);
}

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
