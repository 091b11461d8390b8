import { randomUUID } from 'node:crypto';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Clock } from '../tokens/clock.ts';
import { TokenRefused } from '../tokens/refusal.ts';
import type { Identity } from './authenticate.ts';
import { claimFor, givenBack, type HandOutCall, handedOut } from './credential_claim.ts';
import type { Handover } from './handover.ts';
import type { LiveTokens } from './live_tokens.ts';
import { type Problem, problem } from './problem.ts';
import type { WriteApiStatus } from './write_api_status.ts';

export interface HandOutOptions {
  write: WriteApiStatus;
  handover: Handover;
  live: Pick<LiveTokens, 'recheck'>;
  now: Clock;
  /** For how long the controller's answer is waited for, in ms. */
  takeMs?: number;
}

export interface HandOutRequest {
  identity: Identity;
  /** SHA-256 of the call's Idempotency-Key, if it has one. */
  call?: string | undefined;
  /** Whether the caller has gone away, so that nothing could reach it. */
  gone(): boolean;
}

/** The supplied credential of the runner that asks. Throws a problem. */
export type HandOutCredential = (request: HandOutRequest) => Promise<string>;

/** A request of the same runner that the controller has not answered yet is let go first, for so long, in ms. */
const OTHER_REQUEST_MS = 5_000;

/**
 * Hands a credential out once for each attempt, however many ask at once and at whichever replica: a claim is written
 * by compare-and-swap, the controller checks whose runner it is and hands the value over, the hand-out is written, and
 * only then is it answered. A claim that comes to nothing is given back; one that its replica died with ends by itself.
 */
export function createHandOutCredential(options: HandOutOptions): HandOutCredential {
  const { write, handover, live, now, takeMs = 8_000 } = options;

  async function claim({ identity }: HandOutRequest, call: HandOutCall): Promise<RunnerToken> {
    return await write(identity.token, (token) => {
      assertHeld(token, identity);
      const time = new Date(now());
      const verdict = claimFor(token.status?.credential, call, time);
      if (!verdict.may)
        throw verdict.why === 'HandedOut' ? alreadyHandedOut() : inProgress(verdict.againAfterMs);
      const { request, served } = token.status ?? {};
      const waits = request !== undefined && request.id !== served && request.what !== 'Credential';
      if (waits && now() - Date.parse(request.at) < OTHER_REQUEST_MS)
        throw later('Another request is being answered.');
      return {
        request: { id: call.request, what: 'Credential', at: time.toISOString() },
        credential: verdict.claim,
      };
    });
  }

  async function giveBack(token: RunnerToken, call: HandOutCall): Promise<void> {
    await write(token, ({ status }) => {
      const left = givenBack(status?.credential, call);
      return left === status?.credential ? undefined : { credential: left };
    }).catch(() => undefined);
  }

  async function finish(token: RunnerToken, { identity }: HandOutRequest, call: HandOutCall): Promise<void> {
    await write(token, (current) => {
      assertHeld(current, identity);
      const credential = handedOut(current.status?.credential, call, new Date(now()));
      if (credential === undefined) throw inProgress(1000);
      return { credential };
    });
  }

  return async (request) => {
    const call: HandOutCall = { request: randomUUID(), call: request.call };
    const token = await claim(request, call);
    try {
      const values = await handover.take(token.metadata.uid, call.request, takeMs);
      if (values?.credential === undefined) throw refusedBy(values);
      // The pod's end may have come meanwhile: the apiserver's own word counts.
      await live.recheck(request.identity.claims).catch((error) => {
        throw error instanceof TokenRefused && error.refusal !== 'unverifiable'
          ? notHeld()
          : later('Whether the runner still lives could not be found out.');
      });
      if (request.gone()) throw later('The caller has gone away.');
      await finish(token, request, call);
      return values.credential;
    } catch (error) {
      await giveBack(token, call);
      throw error;
    }
  };
}

/** The lock: the token is held by the very attempt that asks, and by nobody after it. */
function assertHeld({ metadata, spec, status }: RunnerToken, { claims }: Identity): void {
  const held =
    metadata.uid === claims.jti &&
    metadata.deletionTimestamp === undefined &&
    status?.phase === 'Active' &&
    status.endedAt === undefined &&
    status.replacedBy === undefined &&
    status.runner?.state !== 'Terminated' &&
    (spec.attempt ?? 1) === claims['harrier.dev'].attempt;
  if (!held) throw notHeld();
}

/** What the controller said instead of a credential; in its place nothing when it did not answer in time. */
function refusedBy(values: Record<string, string> | undefined): Problem {
  switch (values?.code) {
    case 'not-found':
      return problem('not-found', 'No credential is supplied for this runner.');
    case 'credential-not-held':
      return notHeld();
    case 'unavailable':
      return later(`The supplied credential can't be handed out now: ${values.reason ?? 'unknown'}.`, 10);
    default:
      return later('The controller did not answer in time.');
  }
}

/** Whoever asks is genuine, and not the one whom the credential is for. */
export function notHeld(): Problem {
  return problem(
    'credential-not-held',
    'The credential is for a runner that holds its token: this pod and this attempt, made for the same subject and scopes.',
  );
}

function alreadyHandedOut(): Problem {
  return problem('credential-handed-out', 'This attempt has its credential; the next attempt gets it again.');
}

function inProgress(againAfterMs: number): Problem {
  return problem('credential-handed-out', 'Another call of this attempt is being answered at this moment.', {
    headers: { 'retry-after': String(Math.max(1, Math.ceil(againAfterMs / 1000))) },
  });
}

function later(detail: string, seconds = 1): Problem {
  return problem('unavailable', detail, { headers: { 'retry-after': String(seconds) } });
}
