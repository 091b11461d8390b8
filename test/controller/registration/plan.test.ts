import { describe, expect, it } from 'vitest';
import type { ObservedRegistration } from '../../../src/controller/registration/observed.ts';
import { planRegistration } from '../../../src/controller/registration/plan.ts';
import type { RunnerTokenSpec, RunnerTokenStatus } from '../../../src/resources/runner_token.ts';

const NOW = new Date('2026-11-21T08:00:00Z');
const read = { name: 'linux-registration', standing: 'Read' as const, hash: 'h' };

function seen(
  changes: Partial<ObservedRegistration> = {},
  spec: Partial<RunnerTokenSpec> = {},
  status: Partial<RunnerTokenStatus> = {},
): ObservedRegistration {
  return {
    name: 'linux',
    generation: 1,
    createdAtMs: NOW.getTime() - 60_000,
    deleting: false,
    spec: { type: 'Registration', usage: 'Reusable', poolRef: { name: 'linux' }, ...spec },
    status: { phase: 'Pending', conditions: [], ...status },
    pool: { uid: 'pool-uid', withinScope: true, deleting: false },
    secret: read,
    living: 0,
    falling: 0,
    ...changes,
  };
}

const CASES: [what: string, seen: ObservedRegistration, phase: string, actions: string[]][] = [
  ['lets runners join', seen(), 'Active Ready', []],
  [
    'gets its value',
    seen({ secret: { name: 's', standing: 'Absent' } }),
    'Pending MakingValue',
    ['MakeSecret'],
  ],
  [
    "waits for its user's Secret, and makes none",
    seen({ secret: { name: 's', standing: 'Absent' } }, { secretRef: { name: 's' } }),
    'Pending SecretMissing',
    [],
  ],
  [
    'says what is wrong with the value',
    seen({ secret: { name: 's', standing: 'Read', problem: 'is short' } }, { secretRef: { name: 's' } }),
    'Pending SecretInvalid',
    [],
  ],
  [
    "takes over no Secret of somebody else's",
    seen({ secret: { name: 's', standing: 'Foreign' } }),
    'Pending SecretNameTaken',
    [],
  ],
  [
    'waits for its pool, without a value',
    seen({ pool: undefined, secret: { name: 's', standing: 'Absent' } }),
    'Pending PoolMissing',
    [],
  ],
  ['ends with its pool', seen({ pool: undefined }, {}, { poolUid: 'pool-uid' }), 'Inactive PoolGone', []],
  ['is nothing to a namesake of its pool', seen({}, {}, { poolUid: 'other' }), 'Inactive PoolGone', []],
  [
    'lets nobody into a pool that is being deleted, whose runners finish',
    seen({ pool: { uid: 'pool-uid', withinScope: true, deleting: true } }),
    'Pending PoolDeleting',
    [],
  ],
  [
    'never widens its pool',
    seen({ pool: { uid: 'pool-uid', withinScope: false, deleting: false } }),
    'Inactive ScopeOutsidePool',
    [],
  ],
  ['is disabled', seen({}, { active: false }), 'Inactive Disabled', []],
  ['is superseded, which is written down', seen({ supersededBy: 'new' }), 'Inactive Superseded', ['Disable']],
  [
    'stays superseded when the newer one is gone',
    seen({}, { active: false }, { reason: 'Superseded', phase: 'Inactive' }),
    'Inactive Superseded',
    [],
  ],
  [
    'is enabled only when the last that fell with it is revoked',
    seen({ living: 3, falling: 3 }, { active: true }, { phase: 'Inactive', reason: 'Disabled' }),
    'Inactive Reviving',
    [],
  ],
  ['expires', seen({}, { expiresAt: '2026-11-21T08:00:00Z' }), 'Expired Expired', []],
  ['is used up after one use', seen({}, { usage: 'OneTime' }, { uses: 1 }), 'Used UsedUp', []],
  ['is used up after maxUses', seen({}, { maxUses: 3 }, { uses: 3 }), 'Used UsedUp', []],
  ['is not used up before', seen({}, { maxUses: 3 }, { uses: 2 }), 'Active Ready', []],
  ['knows no end of uses otherwise', seen({}, {}, { uses: 1_000_000 }), 'Active Ready', []],
  [
    'is collected after its retention',
    seen({}, { usage: 'OneTime', retention: '1h' }, { uses: 1, lastUsedAt: '2026-11-21T07:00:00Z' }),
    'Used UsedUp',
    ['Collect'],
  ],
  [
    'is not collected while who joined by it lives',
    seen(
      { living: 1 },
      { usage: 'OneTime', retention: '1h' },
      { uses: 1, lastUsedAt: '2026-11-20T07:00:00Z' },
    ),
    'Used UsedUp',
    [],
  ],
  [
    'is not collected at once, since who joins by it may not be there yet',
    seen({}, { usage: 'OneTime', retention: '1s' }, { uses: 1, lastUsedAt: '2026-11-21T07:59:51Z' }),
    'Used UsedUp',
    [],
  ],
  [
    'is collected soon after, where its retention is short',
    seen({}, { usage: 'OneTime', retention: '1s' }, { uses: 1, lastUsedAt: '2026-11-21T07:59:50Z' }),
    'Used UsedUp',
    ['Collect'],
  ],
  [
    'is kept for a day by default',
    seen({}, { usage: 'OneTime' }, { uses: 1, lastUsedAt: '2026-11-20T08:00:01Z' }),
    'Used UsedUp',
    [],
  ],
];

describe('planRegistration', () => {
  it.each(CASES)('%s', (_, observed, phase, actions) => {
    const planned = planRegistration(observed, NOW);
    expect(`${planned.status.phase} ${planned.status.reason}`).toBe(phase);
    expect(planned.actions.map((one) => one.type)).toEqual(actions);
    const [ready] = planned.status.conditions;
    expect(ready).toMatchObject({ type: 'Ready', status: phase === 'Active Ready' ? 'True' : 'False' });
  });

  it('holds the hash of the value, and never the value', () => {
    expect(planRegistration(seen(), NOW).status).toMatchObject({
      tokenHash: 'h',
      secretRef: { name: read.name },
      poolUid: 'pool-uid',
    });
  });

  it('comes back when its time is over', () => {
    const expiring = seen({}, { expiresAt: '2026-11-21T08:00:30Z' });
    expect(planRegistration(expiring, NOW).againAfterMs).toBe(30_000);
    const kept = seen(
      {},
      { usage: 'OneTime', retention: '1h' },
      { uses: 1, lastUsedAt: '2026-11-21T07:30:00Z' },
    );
    expect(planRegistration(kept, NOW).againAfterMs).toBe(1_800_000);
  });
});
