import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import type { Access, AccessSource } from './access.ts';
import { broken, KubeError, type RequestName, readStatus, refusal } from './errors.ts';

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path below the cluster's base, with its query. */
  path: string;
  name: RequestName;
  body?: unknown;
  contentType?: string;
  /** The answer is a text, and no JSON. */
  text?: boolean;
  signal?: AbortSignal | undefined;
}

const TRIES = 4;
const LONGEST_RETRY_AFTER_MS = 10_000;

export interface SendOptions {
  /** Longest silence of the server before or within an answer, in milliseconds. */
  timeoutMs: number;
  log?: Logger | undefined;
}

/** Sends one request and returns the parsed answer. Throws KubeError, or the signal's reason when aborted. */
export async function send(
  access: AccessSource,
  request: KubeRequest,
  { timeoutMs, log }: SendOptions,
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(await access.current(), request, timeoutMs);
    if ('value' in outcome) return outcome.value;
    const { error, retryAfterMs } = outcome;
    const wait = attempt >= TRIES ? undefined : retryIn(request, error, retryAfterMs, attempt);
    if (wait === undefined) throw error;
    log?.debug({ err: error, attempt, wait }, 'request is tried again');
    if (error.kind === 'unauthorized') await access.current(true);
    await pause(wait, undefined, request.signal ? { signal: request.signal } : {}).catch(() => undefined);
    request.signal?.throwIfAborted();
  }
}

type Outcome = { value: unknown } | { error: KubeError; retryAfterMs?: number | undefined };

async function attemptOnce(access: Access, request: KubeRequest, timeoutMs: number): Promise<Outcome> {
  let answer: Dispatcher.ResponseData;
  let text: string;
  try {
    answer = await access.requests.request(
      requestOptions(access, request, { headers: timeoutMs, body: timeoutMs }),
    );
    text = await answer.body.text();
  } catch (cause) {
    request.signal?.throwIfAborted();
    return { error: broken(request.name, cause) };
  }
  const parsed = parse(text);
  if (answer.statusCode >= 300)
    return {
      error: refusal(request.name, answer.statusCode, readStatus(parsed)),
      retryAfterMs: retryAfter(answer.headers),
    };
  if (request.text === true) return { value: text };
  if (parsed === undefined)
    return { error: new KubeError('malformed', request.name, 'the answer is not JSON') };
  return { value: parsed };
}

/**
 * When the request may safely be sent again, in milliseconds, or undefined. A 429 or 503 with Retry-After was not
 * carried out; after a broken connection nobody knows, so only a GET is repeated, unless it was silence that broke it:
 * then the caller has waited long enough. A 401 is tried once more with
 * credentials read anew.
 */
function retryIn(
  request: KubeRequest,
  error: KubeError,
  retryAfterMs: number | undefined,
  attempt: number,
): number | undefined {
  if (retryAfterMs !== undefined && (error.status === 429 || error.status === 503))
    return Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS) + Math.random() * 100;
  if (error.status === 401 && attempt === 1) return 0;
  if (request.method === 'GET' && error.status === 0 && error.kind === 'transient' && !timedOut(error))
    return 25 * 4 ** (attempt - 1) * (0.5 + Math.random());
  return undefined;
}

function timedOut(error: KubeError): boolean {
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' && code.endsWith('_TIMEOUT');
}

/** Whole seconds as the apiserver sends them (RFC 9110 section 10.2.3), in milliseconds. */
function retryAfter(headers: Dispatcher.ResponseData['headers']): number | undefined {
  const value = headers['retry-after'];
  if (typeof value !== 'string' || !/^\d{1,6}$/.test(value)) return undefined;
  return Number(value) * 1000;
}

export function requestOptions(
  access: Access,
  request: KubeRequest,
  silence: { headers: number; body: number },
): Dispatcher.RequestOptions {
  const body = request.body === undefined ? null : JSON.stringify(request.body);
  const headers: Record<string, string> = {
    ...access.headers,
    accept: request.text === true ? '*/*' : 'application/json',
    'user-agent': 'harrier',
  };
  if (body !== null) headers['content-type'] = request.contentType ?? 'application/json';
  return {
    origin: access.origin,
    path: access.base + request.path,
    method: request.method,
    headers,
    body,
    headersTimeout: silence.headers,
    bodyTimeout: silence.body,
    ...(request.signal ? { signal: request.signal } : {}),
  };
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
