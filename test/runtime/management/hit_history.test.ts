import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createHitHistory } from '../../../src/runtime/management/hit_history.ts';

const STEP = 5 * 60_000;
const DAY = 24 * 3_600_000;
const START = Date.parse('2026-11-21T08:00:00Z');

function aHistory() {
  const clock = { now: START };
  return { clock, history: createHitHistory(['ci', 'team-a'], () => clock.now) };
}

test('counts by steps of five minutes, and leaves quiet ones out', () => {
  const { clock, history } = aHistory();
  history.count('ci/linux', true);
  history.count('ci/h/acme/app', false);
  clock.now += 3 * STEP;
  history.count('ci/linux', true);
  expect(history.read(['ci'])).toEqual([
    { at: START, hits: 1, misses: 1 },
    { at: START + 3 * STEP, hits: 1, misses: 0 },
  ]);
});

test('tells nobody of other namespaces, and counts no visitor', () => {
  const { history } = aHistory();
  history.count('team-a/linux', true);
  history.count('unknown/linux', true);
  history.count('https://cell-2.example.com#ci/linux', true);
  expect(history.read(['ci', 'unknown', 'https:'])).toEqual([]);
  expect(history.read(['ci', 'team-a'])).toEqual([{ at: START, hits: 1, misses: 0 }]);
});

test('remembers a day and no longer, whatever is counted when', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ wait: fc.integer({ min: 0, max: DAY }), hit: fc.boolean() }), { maxLength: 60 }),
      (looks) => {
        const { clock, history } = aHistory();
        const counted: { step: number; hit: boolean }[] = [];
        for (const { wait, hit } of looks) {
          clock.now += wait;
          history.count('ci/linux', hit);
          counted.push({ step: Math.floor(clock.now / STEP), hit });
        }
        const newest = Math.floor(clock.now / STEP);
        const expected = counted.filter(({ step }) => step > newest - DAY / STEP);
        const read = history.read(['ci']);
        expect(read.reduce((sum, one) => sum + one.hits, 0)).toBe(expected.filter(({ hit }) => hit).length);
        expect(read.reduce((sum, one) => sum + one.misses, 0)).toBe(
          expected.filter(({ hit }) => !hit).length,
        );
        expect(read.map(({ at }) => at)).toEqual([...new Set(expected.map(({ step }) => step * STEP))]);
      },
    ),
  );
});
