import type { Agent, ClientRequest, OutgoingHttpHeaders } from 'node:http';
import type { StoreAnswer } from '../protocol/cache.ts';
import { type Answer, type Call, callOnce, mayRepeat, Unanswered } from './call_once.ts';
import { fetchPlain } from './fetch_plain.ts';
import { storedOf } from './fetch_stored.ts';
import { createAsksForJob } from './job_token.ts';
import { requesterOf } from './node_http.ts';
import { Refused, unavailable } from './refusal.ts';
import { refusedBy } from './refused_by.ts';
import { createStoreAgents } from './store_agents.ts';
import type { Body } from './stored.ts';
import type { TokenFile } from './token_file.ts';

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
/** A stream to or from a store that stands still for so long is given up. */
const STREAM_TIMEOUT = 120_000;
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
    return callOnce(base, jobToken !== undefined && asksForJob(bearer) ? call : own, bearer, agentOf);
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

function asUnavailable(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return unavailable(`the api did not answer${error instanceof Unanswered ? ` (${error.code})` : ''}`);
}
