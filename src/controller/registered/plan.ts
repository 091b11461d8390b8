import { PARENT_REVOKED, PARENT_REVOKED_MESSAGE } from '../pool/standing.ts';
import { reasonOf } from './credential_condition.ts';
import type { ObservedRegistered, RegisteredAction } from './observed.ts';

export interface RegisteredPlan {
  action?: RegisteredAction | undefined;
  againAfterMs?: number | undefined;
}

/** For so long what is over can be looked at, in ms. */
const KEPT_MS = 10 * 60_000;
/** A credential that the token brings is looked at again after so long, in ms. */
const CREDENTIAL_MS = 5_000;

/**
 * Decides the next step of a registered runner's identity; pure.
 *
 *     Pending ──IssueFirst──> Active ──ServeRequest──> Active …
 *        └───────EndToken───────┴──> Revoked, Expired ──Collect──>
 */
export function planRegistered(observed: ObservedRegistered, now: Date): RegisteredPlan {
  const { phase, expiresAtMs, endedAtMs } = observed;
  if (phase === 'Revoked' || phase === 'Expired') {
    const leftMs = (endedAtMs ?? now.getTime()) + KEPT_MS - now.getTime();
    return leftMs <= 0 ? { action: { type: 'Collect' } } : { againAfterMs: leftMs };
  }
  const over = overBy(observed);
  if (over !== undefined) return { action: { type: 'EndToken', phase: 'Revoked', ...over } };
  const { credential } = observed;
  if (phase !== 'Active') return withoutJwt(credential);
  if (credential !== undefined && credential.told !== reasonOf(credential.verdict))
    return { action: { type: 'TellCredential', verdict: credential.verdict } };
  const leftMs = (expiresAtMs ?? 0) - now.getTime();
  const lookMs = credential === undefined ? leftMs : Math.min(leftMs, CREDENTIAL_MS);
  if (leftMs <= 0)
    return {
      action: {
        type: 'EndToken',
        phase: 'Expired',
        reason: 'NotRefreshed',
        message: 'its JWT expired, and the runner had not asked for another',
      },
    };
  return observed.request === undefined
    ? { againAfterMs: lookMs }
    : { action: { type: 'ServeRequest' }, againAfterMs: lookMs };
}

/** A runner whose credential is not good gets no JWT either: it would begin its work without it. */
function withoutJwt(credential: ObservedRegistered['credential']): RegisteredPlan {
  if (credential === undefined) return { action: { type: 'IssueFirst' } };
  const { verdict, told } = credential;
  if (verdict.good) return { action: { type: 'IssueFirst', recorded: verdict.recorded } };
  return {
    ...(told === verdict.reason ? {} : { action: { type: 'TellCredential', verdict } }),
    againAfterMs: CREDENTIAL_MS,
  };
}

function overBy(observed: ObservedRegistered): { reason: string; message: string } | undefined {
  if (observed.fallen)
    return {
      reason: PARENT_REVOKED.Drain,
      message: PARENT_REVOKED_MESSAGE,
    };
  if (!observed.asInherited)
    return {
      reason: 'NotInherited',
      message: 'spec.parentRef is no registration token of this pool, or scope and routing are not its',
    };
  if (!observed.poolStands) return { reason: 'PoolGone', message: 'its pool is gone' };
  if (observed.deregistered) return { reason: 'Deregistered', message: 'the runner deregistered' };
  if (observed.replaced)
    return { reason: 'Replaced', message: 'a later attempt of the same runner took its place' };
  if (observed.keyGone) return { reason: 'KeyDeleted', message: 'the key that signed its JWT was deleted' };
  if (observed.terminated) return { reason: 'Terminated', message: 'the runner reported that all is over' };
  return undefined;
}
