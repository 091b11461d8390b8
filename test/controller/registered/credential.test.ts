import { expect, it, test } from 'vitest';
import { reasonOf, withCredential } from '../../../src/controller/registered/credential_condition.ts';
import type { ObservedRegistered } from '../../../src/controller/registered/observed.ts';
import { planRegistered } from '../../../src/controller/registered/plan.ts';
import { refusedCredential, type Verdict } from '../../../src/credentials/verdict.ts';
import { aToken } from '../../tokens/builders.ts';

const NOW = new Date('2026-11-21T08:00:00Z');
const good: Verdict = { good: true, recorded: { subject: 'eve', scopes: ['a'] } };
const expired = refusedCredential('CredentialExpired', 'spec.supplied: the credential has expired');

function plan(
  phase: 'Pending' | 'Active',
  credential: ObservedRegistered['credential'],
  changes: Partial<ObservedRegistered> = {},
) {
  const observed: ObservedRegistered = {
    phase,
    fallen: false,
    asInherited: true,
    poolStands: true,
    deregistered: false,
    replaced: false,
    terminated: false,
    keyGone: false,
    expiresAtMs: NOW.getTime() + 600_000,
    credential,
    ...changes,
  };
  return planRegistered(observed, NOW);
}

test.each<[what: string, planned: ReturnType<typeof plan>, expected: object]>([
  ['none is brought', plan('Pending', undefined), { action: { type: 'IssueFirst' } }],
  [
    'it is good',
    plan('Pending', { verdict: good, told: undefined }),
    { action: { type: 'IssueFirst', recorded: good.recorded } },
  ],
  [
    'it is not good, and that was not told',
    plan('Pending', { verdict: expired, told: undefined }),
    { action: { type: 'TellCredential', verdict: expired }, againAfterMs: 5_000 },
  ],
  [
    'it is not good, and that was told',
    plan('Pending', { verdict: expired, told: 'CredentialExpired' }),
    { againAfterMs: 5_000 },
  ],
  [
    'it went bad while the runner works, which goes on',
    plan('Active', { verdict: expired, told: 'AsExpected' }),
    { action: { type: 'TellCredential', verdict: expired } },
  ],
  [
    'it is looked at again while the runner works',
    plan('Active', { verdict: good, told: 'AsExpected' }),
    { againAfterMs: 5_000 },
  ],
  ['none is brought and the runner works', plan('Active', undefined), { againAfterMs: 600_000 }],
])('a registered runner: %s', (_what, planned, expected) => {
  expect(planned).toEqual(expected);
});

it('is asked for no credential once its token is over', () => {
  expect(plan('Pending', { verdict: expired, told: undefined }, { fallen: true }).action).toMatchObject({
    type: 'EndToken',
  });
});

it('is told in the condition Degraded of its token', () => {
  const token = aToken();
  const [bad] = withCredential(token, expired, NOW);
  expect(bad).toMatchObject({
    type: 'Degraded',
    status: 'True',
    reason: 'CredentialExpired',
    message: expired.message,
  });
  const [fine] = withCredential(token, good, NOW);
  expect(fine).toMatchObject({ type: 'Degraded', status: 'False', reason: reasonOf(good) });
});
