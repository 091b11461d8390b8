import type { TokenAction } from '../action.ts';
import { DELETED_TOKEN, PARENT_REVOKED, PARENT_REVOKED_MESSAGE } from '../pool/standing.ts';
import type { ObservedIdentity } from './observed.ts';

export interface TokenPlan {
  action?: TokenAction | undefined;
  againAfterMs?: number | undefined;
}

/** After this long somebody else's creation of an identity is looked at again, in case it broke off. */
const UNDER_WAY_MS = 2_000;

/**
 * Decides the next step of one runner's identity; pure.
 *
 *     no token ──GiveIdentity──> Pending ──GiveIdentity──> Active ──RefreshIdentity──> Active …
 *                                   └────────RevokeToken──────┴──> Revoked (never again Active)
 *                                                             └──> Expired (it never reported in)
 */
export function planIdentity(observed: ObservedIdentity, now: Date): TokenPlan {
  const { pod, token, underWay } = observed;
  if (underWay) return { againAfterMs: UNDER_WAY_MS };
  if (token === undefined) return pod?.runner && pod.ended === undefined ? withoutToken(observed) : {};
  if (token.phase === 'Revoked' || token.phase === 'Expired') return {};
  const over = overBy(observed);
  if (over !== undefined) return revoke(...over);
  if (token.phase === 'Pending')
    return token.asIssued
      ? { action: { type: 'GiveIdentity' } }
      : revoke('NotIssuedHere', 'its spec is not what the controller writes for this runner');
  // Whoever came up by then or not: its pod is there, and has nothing to prove itself with.
  if (token.keyGone) return { action: { type: 'RefreshIdentity' } };
  // Its answer is a write to this token, and with it the rest is looked at again.
  if (token.request !== undefined) return { action: { type: 'ServeRequest' } };
  if (!token.reportedIn) return withoutReport(token.expiresAtMs ?? 0, now);
  const leftMs = (token.refreshAtMs ?? 0) - now.getTime();
  return leftMs <= 0 ? { action: { type: 'RefreshIdentity' } } : { againAfterMs: leftMs };
}

/** Why the token is over, in one word and for a person. */
function overBy({ pod, token }: ObservedIdentity): [reason: string, message: string] | undefined {
  if (pod === undefined) return ['PodGone', 'the pod is gone'];
  if (!pod.runner || !token?.speaksForPod)
    return ['NotARunner', 'made by hand: there is no such runner of a RunnerPool, or it has another token'];
  if (pod.ended !== undefined) return [pod.ended, 'the pod has finished or is being deleted'];
  if (token.fallen !== undefined) return [PARENT_REVOKED[token.fallen], PARENT_REVOKED_MESSAGE];
  if (token.deregistered) return ['Deregistered', 'the runner deregistered'];
  return undefined;
}

/** A JWT is refreshed for those who came up; that they did is an event of its own. */
function withoutReport(expiresAtMs: number, now: Date): TokenPlan {
  const leftMs = expiresAtMs - now.getTime();
  return leftMs <= 0 ? { action: { type: 'ExpireToken' } } : { againAfterMs: leftMs };
}

/**
 * Either the chain pod, token, Secret broke off before the token, which is then made; or somebody deleted the token,
 * which takes the runner's identity for good: the runner goes, at once if it was known not to be busy.
 */
function withoutToken({ hadIdentity, lastState }: ObservedIdentity): TokenPlan {
  if (!hadIdentity) return { action: { type: 'GiveIdentity' } };
  if (lastState === 'Idle' || lastState === 'Installing')
    return { action: { type: 'DeleteRunner', reason: 'IdentityLost' } };
  return {
    action: {
      type: 'RecordLostIdentity',
      reason: DELETED_TOKEN,
      message: 'somebody deleted the token of this runner, which is replaced when its job has finished',
    },
  };
}

function revoke(reason: string, message: string): TokenPlan {
  return { action: { type: 'RevokeToken', reason, message } };
}
