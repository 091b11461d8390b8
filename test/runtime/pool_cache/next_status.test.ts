import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LookupCounts } from '../../../src/runtime/pool_cache/lookup_counts.ts';
import { nextStatus, WRITE_EVERY } from '../../../src/runtime/pool_cache/next_status.ts';
import { heldByPool } from '../../../src/runtime/pool_cache/write_status.ts';

const NOW = Date.parse('2026-11-21T08:00:00Z');
const held = { entries: 3, sizeBytes: 1000, repositories: 2 };
const written = { ...held, hits: 5, misses: 7, updatedAt: new Date(NOW - WRITE_EVERY).toISOString() };
const none = { hits: 0, misses: 0 };
const some = { hits: 2, misses: 1 };

describe("the cache's part of a pool's status", () => {
  it('is not written for a pool that never had a cache', () => {
    const nothing = { entries: 0, sizeBytes: 0, repositories: 0 };
    expect(nextStatus(undefined, nothing, none, NOW)).toBeUndefined();
  });

  it('is written at once when it is the first', () => {
    expect(nextStatus(undefined, held, some, NOW)).toEqual({
      ...held,
      ...some,
      updatedAt: '2026-11-21T08:00:00.000Z',
    });
  });

  it('adds look-ups to what others have written', () => {
    expect(nextStatus(written, held, some, NOW)).toMatchObject({ hits: 7, misses: 8 });
  });

  it('stays when nothing has changed, however old', () => {
    expect(nextStatus(written, held, none, NOW + 1000 * WRITE_EVERY)).toBeUndefined();
  });

  it('waits for a minute to pass since the last write, whoever wrote', () => {
    expect(nextStatus(written, { ...held, entries: 4 }, none, NOW - 1)).toBeUndefined();
    expect(nextStatus(written, { ...held, entries: 4 }, none, NOW)).toBeDefined();
  });

  it('is not held up by a writer whose clock is ahead', () => {
    const ahead = { ...written, updatedAt: new Date(NOW + 10 * WRITE_EVERY).toISOString() };
    expect(nextStatus(ahead, held, some, NOW)).toBeDefined();
  });
});

test('no look-up is lost or counted twice, whenever counts are taken', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('hit', 'miss', 'read', 'taken')), (steps) => {
      const counts = new LookupCounts();
      const seen = { hit: 0, miss: 0 };
      const sum = { hits: 0, misses: 0 };
      let read = counts.of('ci/linux');
      for (const step of steps) {
        if (step === 'read') read = counts.of('ci/linux');
        else if (step === 'taken') {
          sum.hits += read.hits;
          sum.misses += read.misses;
          counts.taken('ci/linux', read);
          read = none;
        } else {
          seen[step]++;
          counts.count('ci/linux', step === 'hit');
        }
      }
      const left = counts.of('ci/linux');
      expect({ hit: sum.hits + left.hits, miss: sum.misses + left.misses }).toEqual(seen);
    }),
  );
});

test('counts of pools that are gone are forgotten', () => {
  const counts = new LookupCounts();
  counts.count('ci/gone', true);
  counts.keepOnly(new Set(['ci/linux']));
  expect(counts.of('ci/gone')).toEqual(none);
});

test('what a pool holds is what its runners saved, over all repositories', () => {
  const usage = (tenant: string, pool: string, entries: number) => ({
    tenant,
    pool,
    entries,
    sizeBytes: entries * 10,
  });
  const usages = [
    usage('a', 'ci/one', 1),
    usage('b', 'ci/one', 2),
    usage('c', 'ci/one', 0),
    usage('a', 'ci/two', 4),
  ];
  expect(Object.fromEntries(heldByPool(usages))).toEqual({
    'ci/one': { entries: 3, sizeBytes: 30, repositories: 2 },
    'ci/two': { entries: 4, sizeBytes: 40, repositories: 1 },
  });
});
