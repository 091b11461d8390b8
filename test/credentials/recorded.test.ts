import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { poolIdentity, recordedOf, sameRecorded } from '../../src/credentials/recorded.ts';
import type { Recorded } from '../../src/resources/supplied.ts';

const own = poolIdentity({ namespace: 'ci', name: 'linux' });

test('a pool that is supplied nothing speaks for itself, with every scope', () => {
  expect(own).toEqual({ subject: 'pool:ci/linux', scopes: ['all'] });
});

test.each<[what: string, one: Recorded, other: Recorded, same: boolean]>([
  ['the same', { subject: 'a', scopes: ['x', 'y'] }, { subject: 'a', scopes: ['x', 'y'] }, true],
  ['another order', { subject: 'a', scopes: ['x', 'y'] }, { subject: 'a', scopes: ['y', 'x'] }, true],
  ['one twice', { subject: 'a', scopes: ['x', 'y'] }, { subject: 'a', scopes: ['y', 'x', 'y'] }, true],
  ['both without scopes', { subject: 'a', scopes: [] }, { subject: 'a', scopes: [] }, true],
  ['both absent', {}, {}, true],
  ['scopes absent in both', { subject: 'a' }, { subject: 'a' }, true],
  ['subject absent in both', { scopes: ['x'] }, { scopes: ['x'] }, true],
  ['another subject', { subject: 'a', scopes: ['x'] }, { subject: 'b', scopes: ['x'] }, false],
  ['a subject in other letters', { subject: 'a' }, { subject: 'A' }, false],
  ['a scope more', { subject: 'a', scopes: ['x'] }, { subject: 'a', scopes: ['x', 'y'] }, false],
  ['as many, but others', { subject: 'a', scopes: ['x', 'x'] }, { subject: 'a', scopes: ['x', 'y'] }, false],
  ['a subject where none was known', {}, { subject: 'a' }, false],
  ['no scopes where none were known', { subject: 'a' }, { subject: 'a', scopes: [] }, false],
  ['supplied where nothing was', own, { subject: 'a', scopes: ['all'] }, false],
  ['supplied and unknown where nothing was', own, {}, false],
  ['nothing supplied, twice', own, poolIdentity({ namespace: 'ci', name: 'linux' }), true],
])('%s', (_what, one, other, same) => {
  expect(sameRecorded(one, other)).toBe(same);
  expect(sameRecorded(other, one)).toBe(same);
});

describe('over all records', () => {
  const scope = fc.string({ maxLength: 8 });
  const scopes = fc.option(fc.array(scope, { maxLength: 8 }), { nil: undefined });
  const subject = fc.option(fc.string({ maxLength: 6 }), { nil: undefined });

  it('order and repetition of the scopes count for nothing', () => {
    const shuffled = fc.array(scope, { minLength: 1, maxLength: 8 }).chain((list) =>
      fc.record({
        list: fc.constant(list),
        again: fc
          .shuffledSubarray([...list, ...list], { minLength: 2 * list.length, maxLength: 2 * list.length })
          .map((both) => both),
      }),
    );
    fc.assert(
      fc.property(subject, shuffled, (who, { list, again }) => {
        expect(sameRecorded(recordedOf(who, list), recordedOf(who, again))).toBe(true);
        expect(recordedOf(who, list)).toEqual(recordedOf(who, again));
        expect(sameRecorded({ scopes: list }, { scopes: again })).toBe(true);
      }),
    );
  });

  it('is what sorted texts say: equal if and only if these are', () => {
    fc.assert(
      fc.property(subject, scopes, subject, scopes, (who, what, whoElse, whatElse) => {
        const [one, other] = [recordedOf(who, what), recordedOf(whoElse, whatElse)];
        expect(sameRecorded(one, other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  it('records sorted, each scope once', () => {
    fc.assert(
      fc.property(scopes, (list) => {
        const { scopes: kept } = recordedOf(undefined, list);
        expect(kept).toEqual(list === undefined ? undefined : [...new Set(list)].sort());
      }),
    );
  });
});
