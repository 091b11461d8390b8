import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gather } from '../../src/controller/gather.ts';
import type { Clock } from '../../src/kube/clock.ts';
import { manualClock } from '../kube/manual_clock.ts';

/** The looks that these changes of one key lead to. Timers fire so many milliseconds before their time. */
function looksAt(changes: readonly number[], early = 0): number[] {
  const looks: number[] = [];
  const time = manualClock();
  const clock: Clock = { ...time.clock, after: (ms, call) => time.clock.after(ms - early, call) };
  const changed = gather(() => looks.push(clock.now()), 50, clock);
  for (const at of changes) {
    time.turn(at - clock.now());
    changed('pool');
  }
  time.turn(1000);
  return looks;
}

it.each([
  ['one change is looked at at once', [7], [7]],
  ['what follows soon is gathered', [0, 10, 20, 49], [0, 50]],
  ['what follows late is not', [0, 60, 130], [0, 60, 130]],
  ['a look after a gathered one keeps its distance', [0, 10, 51], [0, 50, 100]],
])('%s', (_what, changes, looks) => {
  expect(looksAt(changes)).toEqual(looks);
});

it('a change between a timer that fires early and its time is seen', () => {
  expect(looksAt([0, 10, 49.5], 1)).toEqual([0, 49, 98]);
});

it('no change is missed, none waits longer than the gap, and no two looks are closer than it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(40), { minLength: 1, maxLength: 60 }),
      fc.constantFrom(0, 0.4, 1),
      (gaps, early) => {
        let at = 0;
        const changes = gaps.map((gap) => {
          at += gap;
          return at;
        });
        const looks = looksAt(changes, early);
        for (const change of changes)
          expect(looks.some((look) => look >= change && look <= change + 50)).toBe(true);
        looks.slice(1).forEach((look, index) => {
          expect(look - (looks[index] ?? 0)).toBeGreaterThanOrEqual(50 - early - 1e-6);
        });
      },
    ),
  );
});

it('keys do not wait for each other', () => {
  const added: string[] = [];
  const changed = gather((key) => added.push(key), 50, manualClock().clock);
  changed('a');
  changed('b');
  changed('a');
  expect(added).toEqual(['a', 'b']);
});
