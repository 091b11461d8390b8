import { randomUUID } from 'node:crypto';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { Clock } from '../../tokens/clock.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import type { Identity } from '../authenticate.ts';
import type { Handover } from '../handover.ts';
import type { LiveTokens } from '../live_tokens.ts';
import { type Problem, problem } from '../problem.ts';
import { isServed, type RunnerStanding, standingOf, wrongState } from '../served_states.ts';
import type { WriteApiStatus } from '../write_api_status.ts';
import { claimFor, givenBack, type HandOutCall, handedOut } from './claim.ts';

/** A secret that the controller makes or reads, and that each attempt of a runner gets once. */
export interface OnceGiven<T> {
  /** What the controller is asked for. */
  what: NonNullable<RunnerTokenStatus['request']>['what'];
  /** Field of the token's status where the claim to it stands. */
  claim: 'credential' | 'join';
  states: readonly RunnerStanding[];
  /** For how long the controller's answer is waited for, in ms. */
  takeMs: number;
  /** After so long a claim whose answer never came stands in nobody's way, in ms: longer than its call can take. */
  claimMs: number;
  /** The secret among what the controller handed over; undefined when that is a refusal. */
  read(values: Readonly<Record<string, string>>): T | undefined;
  /** Whoever asks is genuine, and not the one whom it is for. */
  notHeld(): Problem;
  notFound(): Problem;
  handedOut(detail: string, headers?: Record<string, string>): Problem;
  /** Why there is none at this moment. */
  withheld(reason: string): string;
}

export interface HandOutOptions {
  write: WriteApiStatus;
  handover: Handover;
  live: Pick<LiveTokens, 'recheck'>;
  now: Clock;
}

export interface HandOutRequest {
  identity: Identity;
  /** SHA-256 of the call's Idempotency-Key, if it has one. */
  call?: string | undefined;
  /** Whether the caller has gone away, so that nothing could reach it. */
  gone(): boolean;
}

/** The secret of the runner that asks. Throws a problem. */
export type HandOut<T> = (request: HandOutRequest) => Promise<T>;

/** A request of the same runner that the controller has not answered yet is let go first, for so long, in ms. */
const OTHER_REQUEST_MS = 5_000;
/** When to come again where the controller did not say, in seconds. */
const WITHHELD_SECONDS = 10;

/**
 * Hands a secret out once for each attempt, however many ask at once and at whichever replica: a claim is written by
 * compare-and-swap, the controller checks whose runner it is and hands the value over, the hand-out is written, and
 * only then is it answered. A claim that comes to nothing is given back; one that its replica died with ends by itself.
 */
export function createHandOut<T>(given: OnceGiven<T>, options: HandOutOptions): HandOut<T> {
  const { write, handover, live, now } = options;

  async function claim({ identity }: HandOutRequest, call: HandOutCall): Promise<RunnerToken> {
    return await write(identity.token, (token) => {
      assertHeld(token, identity);
      const time = new Date(now());
      const verdict = claimFor(token.status?.[given.claim], call, time, given.claimMs);
      if (!verdict.may)
        throw verdict.why === 'HandedOut'
          ? given.handedOut('This attempt has it; the next attempt gets it again.')
          : inProgress(verdict.againAfterMs);
      const { request, served } = token.status ?? {};
      const waits = request !== undefined && request.id !== served && request.what !== given.what;
      if (waits && now() - Date.parse(request.at) < OTHER_REQUEST_MS)
        throw later('Another request is being answered.');
      return {
        request: { id: call.request, what: given.what, at: time.toISOString() },
        [given.claim]: verdict.claim,
      };
    });
  }

  async function giveBack(token: RunnerToken, call: HandOutCall): Promise<void> {
    await write(token, ({ status }) => {
      const left = givenBack(status?.[given.claim], call);
      return left === status?.[given.claim] ? undefined : { [given.claim]: left };
    }).catch(() => undefined);
  }

  async function finish(token: RunnerToken, { identity }: HandOutRequest, call: HandOutCall): Promise<void> {
    await write(token, (current) => {
      assertHeld(current, identity);
      const claimed = handedOut(current.status?.[given.claim], call, new Date(now()));
      if (claimed === undefined) throw inProgress(1000);
      return { [given.claim]: claimed };
    });
  }

  /** The lock: the token is held by the very attempt that asks, and by nobody after it. */
  function assertHeld(token: RunnerToken, { claims }: Identity): void {
    const { metadata, spec, status } = token;
    const held =
      metadata.uid === claims.jti &&
      metadata.deletionTimestamp === undefined &&
      status?.phase === 'Active' &&
      status.endedAt === undefined &&
      status.replacedBy === undefined &&
      status.runner?.state !== 'Terminated' &&
      (spec.attempt ?? 1) === claims['harrier.dev'].attempt;
    if (!held) throw given.notHeld();
    if (!isServed(given.states, token)) throw wrongState(given.states, standingOf(token));
  }

  /** What the controller said instead; in its place nothing when it did not answer in time. */
  function refusedBy(values: Record<string, string> | undefined): Problem {
    switch (values?.code) {
      case 'not-found':
        return given.notFound();
      case 'credential-not-held':
        return given.notHeld();
      case 'unavailable':
        return later(given.withheld(values.reason ?? 'unknown'), secondsOf(values.retryAfter));
      default:
        return later('The controller did not answer in time.');
    }
  }

  function inProgress(againAfterMs: number): Problem {
    return given.handedOut('Another call of this attempt is being answered at this moment.', {
      'retry-after': String(Math.max(1, Math.ceil(againAfterMs / 1000))),
    });
  }

  return async (request) => {
    const call: HandOutCall = { request: randomUUID(), call: request.call };
    const token = await claim(request, call);
    try {
      const values = await handover.take(token.metadata.uid, call.request, given.takeMs);
      const secret = values && given.read(values);
      if (secret === undefined) throw refusedBy(values);
      // The pod's end may have come meanwhile: the apiserver's own word counts.
      await live.recheck(request.identity.claims).catch((error) => {
        throw error instanceof TokenRefused && error.refusal !== 'unverifiable'
          ? given.notHeld()
          : later('Whether the runner still lives could not be found out.');
      });
      if (request.gone()) throw later('The caller has gone away.');
      await finish(token, request, call);
      return secret;
    } catch (error) {
      await giveBack(token, call);
      throw error;
    }
  };
}

function secondsOf(text: string | undefined): number {
  const seconds = Math.ceil(Number(text));
  return seconds > 0 && seconds <= 3600 ? seconds : WITHHELD_SECONDS;
}

function later(detail: string, seconds = 1): Problem {
  return problem('unavailable', detail, { headers: { 'retry-after': String(seconds) } });
}
