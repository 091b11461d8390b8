import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gather } from '../../src/controller/gather.ts';

/** The looks that these changes of one key lead to. */
function looksAt(changes: readonly number[]): number[] {
  const looks: number[] = [];
  let now = 0;
  const changed = gather(
    (_key, ms) => looks.push(now + ms),
    50,
    () => now,
  );
  for (const at of changes) {
    now = at;
    changed('pool');
  }
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

it('no change is missed, none waits longer than the gap, and no two looks are closer than it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 60 }), (gaps) => {
      let at = 0;
      const changes = gaps.map((gap) => {
        at += gap;
        return at;
      });
      const looks = looksAt(changes);
      for (const change of changes)
        expect(looks.some((look) => look >= change && look <= change + 50)).toBe(true);
      looks.slice(1).forEach((look, index) => {
        expect(look - (looks[index] ?? 0)).toBeGreaterThanOrEqual(50);
      });
    }),
  );
});

it('keys do not wait for each other', () => {
  const added: [string, number][] = [];
  const changed = gather(
    (key, ms) => added.push([key, ms]),
    50,
    () => 5,
  );
  changed('a');
  changed('b');
  expect(added).toEqual([
    ['a', 0],
    ['b', 0],
  ]);
});
