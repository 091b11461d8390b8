import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import { Problem } from '../../../src/runtime/problem.ts';
import { decideUses } from '../../../src/runtime/registration/decide_uses.ts';
import { aToken } from '../../tokens/builders.ts';

const NOW = new Date('2026-11-21T08:00:00Z');

function registration(spec: Partial<RunnerToken['spec']>, status: Partial<RunnerToken['status']> = {}) {
  const { metadata } = aToken('join');
  return {
    metadata,
    spec: { type: 'Registration', usage: 'Reusable', poolRef: { name: 'linux' }, ...spec },
    status: { phase: 'Active', conditions: [], ...status },
  } as RunnerToken;
}

const claim = (request: string) => ({ runner: `runner-${request}`, request });
const inShort = (verdict: 'taken' | 'taken-before' | Problem) =>
  verdict instanceof Problem ? verdict.code : verdict;

it.each<[string, Partial<RunnerToken['spec']>, Partial<RunnerToken['status']>, string]>([
  ['a reusable token', {}, { uses: 10_000 }, 'taken'],
  ['a fresh OneTime token', { usage: 'OneTime' }, {}, 'taken'],
  ['a used OneTime token', { usage: 'OneTime' }, { uses: 1 }, 'registration-used'],
  ['the last of maxUses', { maxUses: 3 }, { uses: 2 }, 'taken'],
  ['one more than maxUses', { maxUses: 3 }, { uses: 3 }, 'registration-used'],
  ['a token pinned after it was used', { usage: 'OneTime', maxUses: 9 }, { uses: 4 }, 'registration-used'],
  ['a disabled token', { active: false }, {}, 'registration-inactive'],
  ['a superseded token', {}, { phase: 'Inactive' }, 'registration-inactive'],
  ['a token without a value', {}, { phase: 'Pending' }, 'registration-inactive'],
  ['an expired token', { expiresAt: '2026-11-21T08:00:00Z' }, {}, 'registration-expired'],
  // Its phase is the controller's word, which may be behind: what counts is the count.
  ['a token that was unpinned', {}, { phase: 'Used', uses: 1 }, 'taken'],
])('%s', (_, spec, status, expected) => {
  const decided = decideUses(registration(spec, status), [claim('a')], NOW);
  expect(decided.verdicts.map(inShort)).toEqual([expected]);
  expect(decided.status === undefined).toBe(expected !== 'taken');
});

it('gives no more uses than there are, to the first who come, and to none twice', () => {
  const requests = fc.array(fc.integer({ min: 0, max: 20 }).map(String), { maxLength: 40 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(requests, { maxLength: 6 }), (maxUses, groups) => {
      let token = registration({ maxUses });
      const admitted = new Set<string>();
      for (const group of groups) {
        const { verdicts, status } = decideUses(token, group.map(claim), NOW);
        group.forEach((request, index) => {
          const verdict = inShort(verdicts[index] as Problem);
          if (verdict === 'taken') {
            expect(admitted.has(request)).toBe(false);
            admitted.add(request);
          } else if (verdict === 'taken-before') expect(admitted.has(request)).toBe(true);
          else expect(admitted.size).toBe(maxUses);
        });
        if (status !== undefined) token = { ...token, status: { ...token.status, ...status } } as RunnerToken;
        expect(token.status?.uses ?? 0).toBe(admitted.size);
      }
    }),
    { numRuns: 2000 },
  );
});

it('says who came last, and remembers the newest uses only', () => {
  const group = Array.from({ length: 50 }, (_, index) => claim(String(index)));
  const { status } = decideUses(registration({}), group, NOW);
  expect(status).toMatchObject({ uses: 50, lastUsedBy: 'runner-49', lastUsedAt: NOW.toISOString() });
  expect(status?.recentUses).toHaveLength(32);
});
