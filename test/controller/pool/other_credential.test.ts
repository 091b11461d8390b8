import { describe, expect, it, test } from 'vitest';
import type { Runner } from '../../../src/controller/pool/observed.ts';
import { plan } from '../../../src/controller/pool/plan.ts';
import { refusedCredential, type Verdict } from '../../../src/credentials/verdict.ts';
import type { Recorded } from '../../../src/resources/supplied.ts';
import { NOW, observed, pool, runner, spec } from './builders.ts';

const own: Recorded = { subject: 'pool:ci/linux', scopes: ['all'] };
const supplied = { secretRef: { name: 'forge-token' } };
const poolWith = (replicas = 1) => pool({ spec: spec({ replicas, token: { supplied } }) });
const goodFor = (recorded: Recorded): Verdict => ({ good: true, recorded });

function madeFor(recorded: Recorded | undefined, state: 'Idle' | 'Busy' | undefined, changes = {}): Runner {
  const one = runner(0, state);
  return { ...one, token: { phase: 'Active', ...one.token, recorded }, ...changes } as Runner;
}

function actionsFor(one: Runner, credential: Verdict): string[] {
  return plan(observed({ pool: poolWith(), credential, runners: [one] }), NOW).actions.map((action) =>
    action.type === 'DeleteRunner' ? `Delete ${action.reason}` : action.type,
  );
}

const REPLACED = ['Delete CredentialChanged', 'CreateRunner'];

test.each<[what: string, was: Recorded | undefined, is: Recorded, replaced: boolean]>([
  ['the same', { subject: 'ada', scopes: ['a', 'b'] }, { subject: 'ada', scopes: ['a', 'b'] }, false],
  [
    'the same in another order',
    { subject: 'ada', scopes: ['b', 'a'] },
    { subject: 'ada', scopes: ['a', 'b'] },
    false,
  ],
  ['nothing known of either', {}, {}, false],
  ['another subject', { subject: 'ada', scopes: ['a'] }, { subject: 'bob', scopes: ['a'] }, true],
  ['other scopes', { subject: 'ada', scopes: ['a'] }, { subject: 'ada', scopes: ['a', 'b'] }, true],
  ['supplied for the first time', own, { subject: 'ada', scopes: ['a'] }, true],
  ['supplied no longer', { subject: 'ada', scopes: ['a'] }, own, true],
  ['a runner of before there was a record, nothing supplied', undefined, own, false],
  ['a runner of before there was a record, now supplied', undefined, { subject: 'ada' }, true],
])('an idle or starting runner, the credential %s', (_what, was, is, replaced) => {
  for (const state of ['Idle', undefined] as const)
    expect(actionsFor(madeFor(was, state), goodFor(is))).toEqual(replaced ? REPLACED : []);
  expect(actionsFor(madeFor(was, 'Busy'), goodFor(is))).toEqual([]);
});

describe('a runner is let be', () => {
  it('while its token is being made: for whom is written then', () => {
    const starting = madeFor(undefined, undefined, { token: { phase: 'Pending' } });
    expect(actionsFor(starting, goodFor({ subject: 'ada' }))).toEqual([]);
    expect(actionsFor({ ...starting, token: undefined }, goodFor({ subject: 'ada' }))).toEqual([]);
  });

  it('while the credential is not good: no other could be made', () => {
    const refused = refusedCredential('CredentialInvalid', 'spec.token.supplied: no');
    expect(actionsFor(madeFor({ subject: 'ada' }, 'Idle'), refused)).toEqual([]);
  });
});

describe('a credential that is not good', () => {
  const refused = refusedCredential('CredentialExpired', 'spec.token.supplied: it has expired');
  const before = { ...own, subject: 'ada' };

  it('makes no runner, says so, and keeps on record what the last one spoke for', () => {
    const blockedPool = {
      ...poolWith(2),
      status: plan(observed({ pool: poolWith(), credential: goodFor(before) }), NOW).status,
    };
    const planned = plan(observed({ pool: blockedPool, credential: refused }), NOW);
    expect(planned.actions).toEqual([]);
    const { conditions, recorded } = planned.status;
    expect(recorded).toEqual(before);
    for (const [type, status] of [
      ['Degraded', 'True'],
      ['Ready', 'False'],
    ])
      expect(conditions.find((one) => one.type === type)).toMatchObject({
        status,
        reason: 'CredentialExpired',
        message: 'spec.token.supplied: it has expired',
      });
    expect(planned.againAfterMs).toBe(5_000);
  });

  it('is looked at again, and so is a good one, but not where nothing is supplied', () => {
    const looks = (changes: object) => plan(observed({ pool: poolWith(0), ...changes }), NOW).againAfterMs;
    expect(looks({ credential: goodFor(before) })).toBe(5_000);
    expect(looks({ pool: pool({ spec: spec({ replicas: 0 }) }) })).toBeUndefined();
  });
});
