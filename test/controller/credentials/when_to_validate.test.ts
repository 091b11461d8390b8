import { expect, test } from 'vitest';
import {
  asOf,
  isDue,
  type Judged,
  succeeding,
} from '../../../src/controller/credentials/when_to_validate.ts';
import { refusedCredential, type Verdict } from '../../../src/credentials/verdict.ts';

const good: Verdict = { good: true, recorded: { subject: 'ada' } };
const invalid = refusedCredential('CredentialInvalid', 'no');
const away = refusedCredential('CredentialUnverifiable', 'nobody answers');
const NOW = 10_000_000;

const judged = (verdict: Verdict, agoMs: number, refusals = verdict.good ? 0 : 1): Judged => ({
  version: 'u/1',
  verdict,
  atMs: NOW - agoMs,
  refusals,
});

test.each<[what: string, last: Judged | undefined, version: string, due: boolean]>([
  ['never judged', undefined, 'u/1', true],
  ['changed', judged(good, 0), 'u/2', true],
  ['made anew under the same name', judged(good, 0), 'v/1', true],
  ['good, a moment ago', judged(good, 4_000), 'u/1', false],
  ['good, five minutes ago', judged(good, 300_000), 'u/1', true],
  ['refused, a moment ago', judged(invalid, 4_999), 'u/1', false],
  ['refused once, five seconds ago', judged(invalid, 5_000), 'u/1', true],
  ['refused twice, five seconds ago', judged(invalid, 5_000, 2), 'u/1', false],
  ['refused twice, ten seconds ago', judged(invalid, 10_000, 2), 'u/1', true],
  ['refused for long, four minutes ago', judged(away, 240_000, 1_000), 'u/1', false],
  ['refused for long, five minutes ago', judged(away, 300_000, 1_000), 'u/1', true],
  ['refused and changed', judged(invalid, 0, 1_000), 'u/2', true],
])('a credential %s', (_what, last, version, due) => {
  expect(isDue(last, version, NOW)).toBe(due);
});

test('one of an hour is asked about some twenty times and not at each of 900 looks', () => {
  let last: Judged | undefined;
  let asked = 0;
  for (let now = 0; now < 3_600_000; now += 4_000) {
    if (!isDue(last, 'u/1', now)) continue;
    last = succeeding(last, 'u/1', invalid, now);
    asked += 1;
  }
  expect(asked).toBeGreaterThan(10);
  expect(asked).toBeLessThan(25);
});

test('an outage of the service leaves what it found good before, and nothing else', () => {
  const before = judged(good, 300_000);
  expect(succeeding(before, 'u/1', away, NOW).verdict).toBe(good);
  expect(succeeding(before, 'u/1', invalid, NOW).verdict).toBe(invalid);
  expect(succeeding(before, 'u/2', away, NOW).verdict).toBe(away);
  expect(succeeding(judged(invalid, 9_000), 'u/1', away, NOW).verdict).toBe(away);
  expect(succeeding(undefined, 'u/1', away, NOW).verdict).toBe(away);
});

test('refusals in a row are counted for one version, and forgotten with a good one', () => {
  const first = succeeding(undefined, 'u/1', invalid, NOW);
  const second = succeeding(first, 'u/1', away, NOW);
  expect([first.refusals, second.refusals]).toEqual([1, 2]);
  expect(succeeding(second, 'u/2', invalid, NOW).refusals).toBe(1);
  expect(succeeding(second, 'u/1', good, NOW).refusals).toBe(0);
});

test('a good one ends when the credential does', () => {
  const until: Verdict = { good: true, recorded: {}, expiresAtMs: NOW };
  expect(asOf(until, 'spec.token.supplied', NOW - 1)).toBe(until);
  expect(asOf(until, 'spec.token.supplied', NOW)).toMatchObject({
    reason: 'CredentialExpired',
    message: expect.stringContaining('spec.token.supplied'),
  });
  expect(asOf(good, 'x', Number.MAX_SAFE_INTEGER)).toBe(good);
});
