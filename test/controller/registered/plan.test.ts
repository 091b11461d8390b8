import { expect, it } from 'vitest';
import type { ObservedRegistered } from '../../../src/controller/registered/observed.ts';
import { planRegistered } from '../../../src/controller/registered/plan.ts';

const NOW = new Date('2026-11-21T08:00:00Z');

function seen(changes: Partial<ObservedRegistered> = {}): ObservedRegistered {
  return {
    phase: 'Active',
    fallen: false,
    asInherited: true,
    poolStands: true,
    deregistered: false,
    replaced: false,
    terminated: false,
    keyGone: false,
    expiresAtMs: NOW.getTime() + 60_000,
    ...changes,
  };
}

function decide(changes: Partial<ObservedRegistered>): string {
  const { action, againAfterMs } = planRegistered(seen(changes), NOW);
  if (action === undefined) return `again in ${againAfterMs}`;
  return 'reason' in action ? `${action.phase} ${action.reason}` : action.type;
}

it.each<[string, Partial<ObservedRegistered>, string]>([
  ['gets its first JWT', { phase: 'Pending' }, 'IssueFirst'],
  ['is left alone until its JWT expires', {}, 'again in 60000'],
  ['is answered', { request: 'r-1' }, 'ServeRequest'],
  ['is not answered when it is over', { request: 'r-1', deregistered: true }, 'Revoked Deregistered'],
  ['expires when it did not ask in time', { expiresAtMs: NOW.getTime() }, 'Expired NotRefreshed'],
  ['falls with its parent', { fallen: true }, 'Revoked ParentRevoked'],
  [
    'falls with its parent before it got anything',
    { phase: 'Pending', fallen: true },
    'Revoked ParentRevoked',
  ],
  [
    'gets nothing that its parent was not for',
    { phase: 'Pending', asInherited: false },
    'Revoked NotInherited',
  ],
  ['ends with its pool', { poolStands: false }, 'Revoked PoolGone'],
  ['gives way to its next attempt', { replaced: true }, 'Revoked Replaced'],
  ['ends when it says so', { terminated: true }, 'Revoked Terminated'],
  ['ends with the key that signed its JWT', { keyGone: true }, 'Revoked KeyDeleted'],
  [
    'can be looked at for a while',
    { phase: 'Revoked', endedAtMs: NOW.getTime() - 60_000, fallen: true },
    'again in 540000',
  ],
  ['is collected then', { phase: 'Expired', endedAtMs: NOW.getTime() - 600_000 }, 'Collect'],
])('a registered runner %s', (_, changes, expected) => {
  expect(decide(changes)).toBe(expected);
});
