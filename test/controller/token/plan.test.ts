import { describe, expect, it } from 'vitest';
import type { ObservedIdentity } from '../../../src/controller/token/observed.ts';
import { planIdentity } from '../../../src/controller/token/plan.ts';

const NOW = new Date('2026-11-21T08:00:00Z');
const pod = { uid: 'p', runner: true };
const token = {
  speaksForPod: true,
  asIssued: true,
  phase: 'Active' as const,
  refreshAtMs: NOW.getTime() + 60_000,
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
