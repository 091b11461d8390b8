import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { createLimit } from '../../concurrency/limit.ts';
import type { AllowedHosts } from '../../egress/allowed_hosts.ts';
import type { Resolve } from '../../egress/judge_url.ts';
import type { PoolForge } from '../../resources/pool_forge.ts';
import { ForgeError } from '../forge_error.ts';
import { type Answered, askOnce, NoAnswer, TooLarge } from './ask_once.ts';
import type { ForgeAnswer, ForgeCall, ForgeHttp } from './forge_http.ts';
import { createGate } from './gate.ts';
import { guardConnections } from './guard_connections.ts';
import { forgeMetrics } from './metrics.ts';
import { rateLimit } from './rate_limit.ts';
import { readAnswer } from './read_answer.ts';
import { rememberAnswers } from './remembered_answers.ts';
import { Held, repeated } from './repeated.ts';
import { requestOf, urlOf } from './request.ts';
import { authorityOf, proxyOf } from './trust.ts';

export interface ForgeHttpOptions {
  forge: PoolForge & { url: string };
  /** Base of the API where it is not spec.forge.url. */
  base?: string;
  /** Keys ca.crt, proxyUsername and proxyPassword matter here. */
  secret: Readonly<Record<string, string>>;
  allowed: AllowedHosts;
  registry?: Registry;
  /** Monotonic ms. */
  now?: () => number;
  wallClock?: () => Date;
  resolve?: Resolve;
  pause?: (ms: number) => Promise<unknown>;
  /** For one try of a call, in ms. */
  timeoutMs?: number;
  /** Largest body of an answer, in bytes. */
  mostBytes?: number;
}

/** GitHub refuses more than 100 at a time of all who use an account; a small Gitea has few workers. */
const AT_A_TIME = 4;
const REMEMBERED_BYTES = 4 * 1024 * 1024;

/** Throws ForgeError (CredentialsInvalid) where the Secret's ca.crt can't be one. */
export function createForgeHttp(options: ForgeHttpOptions): ForgeHttp {
  const { forge, secret, allowed, now = () => performance.now(), wallClock = () => new Date() } = options;
  const { timeoutMs = 10_000, mostBytes = 8 * 1024 * 1024, pause = (ms: number) => pauseFor(ms) } = options;
  const base = new URL(options.base ?? forge.url);
  const proxy = proxyOf(forge, secret);
  const guarded = guardConnections({
    base,
    proxy,
    ca: authorityOf(secret),
    allowed,
    now,
    timeoutMs,
    resolve: options.resolve,
  });
  const gate = createGate(now);
  const inTurn = createLimit(AT_A_TIME);
  const remembered = rememberAnswers(REMEMBERED_BYTES);
  const metrics = forgeMetrics(options.registry, forge.type);

  async function call<T>(given: ForgeCall<T>): Promise<ForgeAnswer<T>> {
    return inTurn(async () => {
      const url = urlOf(given, base);
      try {
        const answer = await repeated(given, () => tryOnce(given, url), pause);
        gate.ended(undefined);
        return answer;
      } catch (error) {
        const told = error instanceof ForgeError ? error : unavailable(given.doing, base.origin, error);
        if (!(error instanceof Held)) gate.ended(told);
        throw told;
      }
    });
  }

  async function tryOnce<T>(given: ForgeCall<T>, url: URL): Promise<ForgeAnswer<T>> {
    pass(given.doing);
    const known = given.conditional === true ? remembered.get(url.href) : undefined;
    const began = now();
    try {
      const answered = await askOnce({
        dispatcher: await guarded.dispatcher(given.doing),
        request: requestOf(given, url, known?.etag),
        timeoutMs,
        mostBytes,
      });
      const value = read(given, answered, known?.answer as ForgeAnswer<T> | undefined);
      const { etag } = answered.headers;
      if (given.conditional === true && etag !== undefined && answered.status === 200)
        remembered.put(url.href, etag, value, answered.text.length);
      metrics.asked(answered.status === 304 ? 'NotModified' : 'Ok', now() - began);
      return value;
    } catch (error) {
      metrics.asked(error instanceof ForgeError ? error.reason : 'Unavailable', now() - began);
      throw error;
    }
  }

  function pass(doing: string): void {
    try {
      gate.pass(doing);
    } catch (error) {
      metrics.asked('Held');
      throw error instanceof ForgeError ? new Held(error) : error;
    }
  }

  function read<T>(given: ForgeCall<T>, answered: Answered, known: ForgeAnswer<T> | undefined) {
    const limit = rateLimit(answered, wallClock());
    if (limit !== undefined)
      gate.holdFor(limit.waitMs, limit.refused || answered.status < 500 ? 'RateLimited' : 'Unavailable');
    if (answered.status === 304 && known !== undefined) return known;
    return readAnswer(answered, {
      answer: given.answer,
      doing: given.doing,
      origin: base.origin,
      secret: forge.credentialsSecretRef?.name ?? '',
      limitedMs: limit?.refused === true ? limit.waitMs : undefined,
    });
  }

  return { call, close: guarded.close };
}

function unavailable(doing: string, origin: string, error: unknown): ForgeError {
  if (error instanceof TooLarge)
    return new ForgeError('Unreadable', `cannot ${doing}: of ${origin} ${error.message}`);
  const why = error instanceof NoAnswer ? error.message : 'the connection broke';
  return new ForgeError('Unavailable', `cannot ${doing}: of ${origin} ${why}`);
}
