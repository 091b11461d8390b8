import { describe, expect, it } from 'vitest';
import type { ObservedIdentity } from '../../../src/controller/token/observed.ts';
import { planIdentity } from '../../../src/controller/token/plan.ts';

const NOW = new Date('2026-11-21T08:00:00Z');
const pod = { uid: 'p', runner: true };
const token = {
  speaksForPod: true,
  keyGone: false,
  asIssued: true,
  phase: 'Active' as const,
  refreshAtMs: NOW.getTime() + 60_000,
  expiresAtMs: NOW.getTime() + 90_000,
  reportedIn: true,
  deregistered: false,
};

function see(changes: Partial<ObservedIdentity>): ObservedIdentity {
  return { hadIdentity: false, underWay: false, ...changes };
}

/** The action in short, `again` where only time is waited for, `nothing` where nothing is. */
function decide(changes: Partial<ObservedIdentity>): string {
  const { action, againAfterMs } = planIdentity(see(changes), NOW);
  if (action === undefined) return againAfterMs === undefined ? 'nothing' : `again in ${againAfterMs}`;
  return 'reason' in action ? `${action.type} ${action.reason}` : action.type;
}

const CASES: [string, Partial<ObservedIdentity>, string][] = [
  ['gives a runner its identity', { pod }, 'GiveIdentity'],
  ['goes on where that broke off', { pod, token: { ...token, phase: 'Pending' } }, 'GiveIdentity'],
  ['leaves a runner alone whose identity is being given', { pod, underWay: true }, 'again in 2000'],
  ['gives none to a pod that is no runner', { pod: { ...pod, runner: false } }, 'nothing'],
  ['gives none to a finished pod', { pod: { ...pod, ended: 'PodFinished' } }, 'nothing'],
  ['waits for the time of the next JWT', { pod, token }, 'again in 60000'],
  ['refreshes when it has come', { pod, token: { ...token, refreshAtMs: NOW.getTime() } }, 'RefreshIdentity'],
  [
    'refreshes an Active token that knows no time',
    { pod, token: { ...token, refreshAtMs: undefined } },
    'RefreshIdentity',
  ],
  [
    'refreshes at once when the key that signed the JWT was deleted',
    { pod, token: { ...token, keyGone: true } },
    'RefreshIdentity',
  ],
  [
    'revokes with the end of the pod, whatever became of the key',
    { pod: { ...pod, ended: 'PodFinished' }, token: { ...token, keyGone: true } },
    'RevokeToken PodFinished',
  ],
  [
    'refreshes no JWT of a runner that has said nothing yet',
    { pod, token: { ...token, reportedIn: false, refreshAtMs: NOW.getTime() } },
    'again in 90000',
  ],
  [
    'lets the first JWT of a runner expire that never came up',
    { pod, token: { ...token, reportedIn: false, expiresAtMs: NOW.getTime() } },
    'ExpireToken',
  ],
  [
    'revokes with the registration token that it descends from',
    { pod, token: { ...token, fallen: 'Drain' } },
    'RevokeToken ParentRevoked',
  ],
  [
    'says when the pod is to go at once with it',
    { pod, token: { ...token, phase: 'Pending', fallen: 'Delete' } },
    'RevokeToken ParentRevokedDelete',
  ],
  ['revokes what deregistered', { pod, token: { ...token, deregistered: true } }, 'RevokeToken Deregistered'],
  [
    'revokes with the end of the pod',
    { pod: { ...pod, ended: 'PodFinished' }, token },
    'RevokeToken PodFinished',
  ],
  [
    'revokes with its deletion',
    { pod: { ...pod, ended: 'PodTerminating' }, token },
    'RevokeToken PodTerminating',
  ],
  ['revokes when the pod is gone', { token }, 'RevokeToken PodGone'],
  ['honours no token for another pod', { pod: { ...pod, runner: false }, token }, 'RevokeToken NotARunner'],
  [
    "honours no second token of a runner's pod",
    { pod, token: { ...token, speaksForPod: false, phase: 'Pending' } },
    'RevokeToken NotARunner',
  ],
  [
    'signs nothing for a token of another making',
    { pod, token: { ...token, asIssued: false, phase: 'Pending' } },
    'RevokeToken NotIssuedHere',
  ],
  ['never touches a revoked token again', { pod, token: { ...token, phase: 'Revoked' } }, 'nothing'],
  [
    'deletes an idle runner whose token somebody deleted',
    { pod, hadIdentity: true, lastState: 'Idle' },
    'DeleteRunner IdentityLost',
  ],
  [
    'records the loss of a busy runner, which drains',
    { pod, hadIdentity: true, lastState: 'Busy' },
    'RecordLostIdentity Deleted',
  ],
  [
    'takes a runner for busy of which it never heard',
    { pod, hadIdentity: true },
    'RecordLostIdentity Deleted',
  ],
];

describe('planIdentity', () => {
  it.each(CASES)('%s', (_, changes, expected) => {
    expect(decide(changes)).toBe(expected);
  });
});
