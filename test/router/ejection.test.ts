import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { untilNextCheck } from '../../src/router/check_cell.ts';
import {
  afterFailure,
  EJECTION,
  type Health,
  isEjected,
  retryAfterSeconds,
  SOUND,
} from '../../src/router/ejection.ts';

const rules = { after: 2, firstMs: 1000, mostMs: 5000 };
const failing = (...times: number[]) =>
  times.reduce<Health>((health, now) => afterFailure(health, now, rules), SOUND);

describe('a cell that fails', () => {
  test.each<[what: string, health: Health, at: number, ejected: boolean, retryAfter: number]>([
    ['nothing happened', SOUND, 0, false, 1],
    ['one failure', failing(0), 0, false, 1],
    ['one too many', failing(0, 10), 10, true, 1],
    ['as long as it lasts', failing(0, 10), 1009, true, 1],
    ['not a moment longer', failing(0, 10), 1010, false, 1],
    ['failures meanwhile count for nothing', failing(0, 10, 11, 12, 900), 1010, false, 1],
    ['the first failure afterwards ejects for twice as long', failing(0, 10, 1010), 3009, true, 1],
    ['twice as long and no longer', failing(0, 10, 1010), 3010, false, 1],
    ['how long is told', failing(0, 10, 1010), 1010, true, 2],
    ['four times as long', failing(0, 10, 1010, 3010), 3010, true, 4],
    ['and at most so long', failing(0, 10, 1010, 3010, 7010), 7010, true, 5],
  ])('%s', (_, health, at, ejected, retryAfter) => {
    expect(isEjected(health, at)).toBe(ejected);
    expect(retryAfterSeconds(health, at)).toBe(retryAfter);
  });

  test('is never ejected for longer than the most, however it fails', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40_000), { maxLength: 60 }), (pauses) => {
        let now = 0;
        let health = SOUND;
        for (const pause of pauses) {
          now += pause;
          const before = health;
          health = afterFailure(health, now);
          expect(health.ejectedUntil).toBeLessThanOrEqual(now + EJECTION.mostMs);
          // An ejection is never cut short by a failure.
          expect(health.ejectedUntil).toBeGreaterThanOrEqual(before.ejectedUntil);
          expect(isEjected(health, now)).toBe(isEjected(before, now) || health.failures >= EJECTION.after);
        }
      }),
    );
  });
});

describe('the pause until the next check', () => {
  test.each([
    ['of a sound cell', SOUND, 0, 4000],
    ['of a sound cell', SOUND, 0.5, 5000],
    ['of a sound cell', SOUND, 1, 6000],
    ['of one that failed', failing(0), 0, 800],
    ['of one that is ejected', failing(0, 0), 1, 1200],
  ])('%s', (_, health, random, pause) => {
    expect(untilNextCheck(health, random)).toBeCloseTo(pause);
  });
});
