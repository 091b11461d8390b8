import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheIndex, Part } from '../../../src/cache/index/index.ts';
import { probes } from '../../../src/cache/lookup.ts';

interface Wanted {
  tenant?: string;
  pool?: string;
  scope?: string;
  size?: number;
  at?: number;
  parts?: Part[];
}

/** What limits, people and integrity ask of an index; as in index_conformance.ts. */
export function managementConformance(open: () => Promise<CacheIndex>): void {
  let index: CacheIndex;
  let uploads = 0;
  beforeEach(async () => {
    index = await open();
  });
  afterEach(() => index.close());

  function reserve(key: string, now: number, more: Wanted & { creationsPerMinute?: number } = {}) {
    const { tenant = 't1', pool = 'ns/p1', scope = 'main', creationsPerMinute } = more;
    const rate = creationsPerMinute === undefined ? {} : { creationsPerMinute };
    const uploadId = `upload-${++uploads}`;
    return index.reserve(tenant, { uploadId, scope, key, version: 'a', pool, now, ...rate });
  }
  async function save(key: string, more: Wanted = {}): Promise<string> {
    const { tenant = 't1', size = 10, at = 1 } = more;
    expect(await reserve(key, at, more)).toEqual({ outcome: 'reserved' });
    const uploadId = `upload-${uploads}`;
    const parts = more.parts ?? [{ number: 1, blob: `blob of ${key}`, sizeBytes: size }];
    await index.addParts(tenant, uploadId, parts, at);
    return (await index.commit(tenant, uploadId, parts, at))?.entry.id ?? '';
  }
  const find = (key: string, tenant = 't1') => index.find(tenant, 'a', probes(['main'], [key]));
  const keys = (entries: readonly { key: string }[]) => entries.map((entry) => entry.key);
  const newest = { by: 'createdAt', descending: true } as const;

  it('counts the uploads that are open', async () => {
    expect(await index.openUploads()).toBe(0);
    await save('a');
    await reserve('b', 1);
    await reserve('c', 1, { tenant: 't2' });
    expect(await index.openUploads()).toBe(2);
    await index.release('t2', `upload-${uploads}`);
    expect(await index.openUploads()).toBe(1);
    await index.releaseAbandoned(2);
    expect(await index.openUploads()).toBe(0);
  });

  describe('usage', () => {
    it('counts what is committed, and nothing twice or after its end', async () => {
      const [first, second] = [await save('a', { size: 5 }), await save('b', { size: 7 })];
      await save('c', { size: 11 });
      await reserve('open', 1);
      expect(await index.usage({ tenant: 't1' })).toEqual({ entries: 3, sizeBytes: 23 });
      await index.remove('t1', [first, first]);
      await index.quarantine('t1', second, 'broken', 2);
      expect(await index.usage({ tenant: 't1' })).toEqual({ entries: 1, sizeBytes: 11 });
      await index.dropUndurable();
      expect(await index.usage({ tenant: 't1' })).toEqual({ entries: 0, sizeBytes: 0 });
      expect(await index.usages()).toEqual([]);
    });

    it('is told by tenant, by pool, by both and of everybody', async () => {
      await save('a', { size: 1 });
      await save('b', { size: 2, pool: 'ns/p2' });
      await save('a', { size: 4, tenant: 't2' });
      expect(await index.usage({})).toEqual({ entries: 3, sizeBytes: 7 });
      expect(await index.usage({ tenant: 't1' })).toEqual({ entries: 2, sizeBytes: 3 });
      expect(await index.usage({ pool: 'ns/p1' })).toEqual({ entries: 2, sizeBytes: 5 });
      expect(await index.usage({ tenant: 't1', pool: 'ns/p2' })).toEqual({ entries: 1, sizeBytes: 2 });
      expect(await index.usages()).toEqual([
        { tenant: 't1', pool: 'ns/p1', entries: 1, sizeBytes: 1 },
        { tenant: 't1', pool: 'ns/p2', entries: 1, sizeBytes: 2 },
        { tenant: 't2', pool: 'ns/p1', entries: 1, sizeBytes: 4 },
      ]);
    });

    it('keeps sizes beyond 32 bits', async () => {
      const huge = 2 ** 40;
      await save('a', { size: huge });
      await save('b', { size: huge });
      expect(await index.usage({})).toEqual({ entries: 2, sizeBytes: 2 * huge });
      expect((await find('a'))?.sizeBytes).toBe(huge);
    });

    it('is right after concurrent saves and removals', async () => {
      const saved = await Promise.all(
        Array.from({ length: 24 }, (_, number) => concurrentSave(number, number % 2 === 0 ? 't1' : 't2')),
      );
      await Promise.all(
        saved.filter((_, number) => number % 3 === 0).map(([t, id]) => index.remove(t, [id])),
      );
      expect(await index.usage({})).toEqual({ entries: 16, sizeBytes: 160 });
      expect(await index.usage({ tenant: 't1' })).toEqual({ entries: 8, sizeBytes: 80 });
    });

    async function concurrentSave(number: number, tenant: string): Promise<[string, string]> {
      const uploadId = `concurrent-${++uploads}`;
      const parts = [{ number: 1, blob: uploadId, sizeBytes: 10 }];
      const asked = { uploadId, scope: 'main', key: `k${number}`, version: 'a', pool: 'ns/p1', now: 1 };
      await index.reserve(tenant, asked);
      await index.addParts(tenant, uploadId, parts, 1);
      return [tenant, (await index.commit(tenant, uploadId, parts, 1))?.entry.id ?? ''];
    }
  });

  describe('a page', () => {
    it('is in each order, has its offset, and counts what is not on it', async () => {
      await save('npm-1', { at: 30, size: 5 });
      const used = await save('npm-2', { at: 10, size: 9 });
      await save('npm-3', { at: 20, size: 1 });
      await save('yarn', { at: 40 });
      await index.touch([{ tenant: 't1', entryId: used, at: 99 }]);
      const page = async (by: 'createdAt' | 'lastUsedAt' | 'sizeBytes', descending: boolean) =>
        keys((await index.page({ tenant: 't1' }, { key: 'npm-' }, { by, descending }, 0, 10)).entries);
      expect(await page('createdAt', true)).toEqual(['npm-1', 'npm-3', 'npm-2']);
      expect(await page('createdAt', false)).toEqual(['npm-2', 'npm-3', 'npm-1']);
      expect(await page('lastUsedAt', true)).toEqual(['npm-2', 'npm-1', 'npm-3']);
      expect(await page('sizeBytes', false)).toEqual(['npm-3', 'npm-1', 'npm-2']);
      const second = await index.page({}, {}, newest, 1, 2);
      expect([second.total, keys(second.entries)]).toEqual([4, ['npm-1', 'npm-3']]);
      expect(await index.page({}, {}, newest, 4, 2)).toEqual({ total: 4, entries: [] });
    });

    it('has the owner of each entry, and nothing but what was asked for', async () => {
      await save('k', { pool: 'ns/p2', scope: 'pr', at: 5 });
      await save('k', { tenant: 't2' });
      const { entries } = await index.page({ pool: 'ns/p2' }, { scope: 'pr', version: 'a' }, newest, 0, 10);
      expect(entries).toEqual([
        {
          ...{ id: expect.any(String), tenant: 't1', pool: 'ns/p2', scope: 'pr', key: 'k', version: 'a' },
          ...{ sizeBytes: 10, createdAt: 5, lastUsedAt: 5 },
        },
      ]);
      for (const filter of [{ scope: 'p' }, { version: 'b' }, { key: 'K' }, { key: '%' }, { key: '_' }]) {
        expect(await index.page({ tenant: 't1' }, filter, newest, 0, 10)).toEqual({ total: 0, entries: [] });
      }
    });
  });

  describe('recency', () => {
    it('orders by last use, over tenants and pools', async () => {
      const first = await save('first', { at: 1 });
      await save('second', { at: 2, tenant: 't2' });
      await save('third', { at: 3, pool: 'ns/p2' });
      await index.touch([{ tenant: 't1', entryId: first, at: 9 }]);
      expect(keys(await index.leastRecentlyUsed({}, 2))).toEqual(['second', 'third']);
      expect(keys(await index.leastRecentlyUsed({ tenant: 't1' }, 9))).toEqual(['third', 'first']);
      expect(keys(await index.leastRecentlyUsed({ pool: 'ns/p1' }, 9))).toEqual(['second', 'first']);
      expect(keys(await index.unusedSince({}, 3, 9))).toEqual(['second']);
      expect(keys(await index.unusedSince({ tenant: 't1' }, 9, 9))).toEqual(['third']);
    });
  });

  describe('the end of an entry', () => {
    it('by removal frees its key at once and names each of its blobs once', async () => {
      const [one, two] = ['one', 'two'].map((blob, at) => ({ number: at + 1, blob, sizeBytes: 1 }));
      if (one === undefined || two === undefined) throw new Error('unreachable');
      const id = await save('k', { parts: [one, two, one] });
      expect((await find('k'))?.id).toBe(id);
      const removed = await index.remove('t1', [id, '0', 'no number']);
      expect(keys(removed.entries)).toEqual(['k']);
      expect(removed.blobs.toSorted()).toEqual(['one', 'two']);
      expect(await find('k')).toBeUndefined();
      expect(await index.content('t1', id)).toBeUndefined();
      expect(await index.namedBlobs(['one', 'two'])).toEqual(new Set());
      expect(await save('k')).not.toBe(id);
    });

    it('by quarantine hides it but keeps its blobs named until they are dropped', async () => {
      const id = await save('k', { at: 7 });
      await find('k');
      expect(await index.quarantine('t2', id, 'not theirs', 8)).toBeUndefined();
      const hidden = await index.quarantine('t1', id, 'crc of part 1', 9);
      expect(hidden).toMatchObject({ id, key: 'k', tenant: 't1', pool: 'ns/p1', createdAt: 7 });
      expect(await index.quarantine('t1', id, 'again', 10)).toBeUndefined();
      expect(await find('k')).toBeUndefined();
      expect(await index.content('t1', id)).toBeUndefined();
      expect((await index.list('t1', ['main'], '', 9)).total).toBe(0);
      expect((await index.page({}, {}, newest, 0, 9)).total).toBe(0);
      expect(await index.leastRecentlyUsed({}, 9)).toEqual([]);
      expect(await index.quarantined(9)).toEqual([{ ...hidden, reason: 'crc of part 1', at: 9 }]);
      const again = await save('k', { parts: [{ number: 1, blob: 'better', sizeBytes: 1 }] });
      expect(await index.namedBlobs(['blob of k', 'better'])).toEqual(new Set(['blob of k', 'better']));
      expect(await index.dropQuarantined(9)).toEqual([]);
      expect(await index.dropQuarantined(10)).toEqual(['blob of k']);
      expect(await index.namedBlobs(['blob of k', 'better'])).toEqual(new Set(['better']));
      expect(await index.quarantined(9)).toEqual([]);
      expect((await find('k'))?.id).toBe(again);
    });

    it('is not brought about by another tenant, nor for an open upload', async () => {
      const id = await save('k');
      expect(await index.remove('t2', [id])).toEqual({ entries: [], blobs: [] });
      await reserve('open', 1);
      const open = `upload-${uploads}`;
      await index.addParts('t1', open, [{ number: 1, blob: 'of open', sizeBytes: 1 }], 1);
      const ids = Array.from({ length: 9 }, (_, more) => String(Number(id) + more));
      expect(keys((await index.remove('t1', ids)).entries)).toEqual(['k']);
      expect(await index.upload('t1', open)).toBeDefined();
    });
  });

  describe('the rate of creations', () => {
    it('is bound in any minute, for the tenant as a whole, and says how long to wait', async () => {
      const limited = { creationsPerMinute: 2 };
      await reserve('a', 0);
      expect(await reserve('b', 10_000, limited)).toEqual({ outcome: 'reserved' });
      expect(await reserve('c', 20_000, limited)).toEqual({ outcome: 'too-many', retryAfterMs: 40_000 });
      expect(await reserve('a', 20_000, limited)).toEqual({ outcome: 'taken' });
      expect(await reserve('c', 20_000, { ...limited, tenant: 't2' })).toEqual({ outcome: 'reserved' });
      expect(await reserve('c', 20_000)).toEqual({ outcome: 'reserved' });
      expect(await reserve('d', 60_000, limited)).toEqual({ outcome: 'too-many', retryAfterMs: 10_000 });
      expect(await reserve('d', 70_000, limited)).toEqual({ outcome: 'reserved' });
    });

    it('counts a reservation that was given back', async () => {
      await reserve('a', 0);
      await index.release('t1', `upload-${uploads}`);
      expect(await reserve('a', 1, { creationsPerMinute: 1 })).toMatchObject({ outcome: 'too-many' });
    });

    it('holds against many at once', async () => {
      const tries = await Promise.all(
        Array.from({ length: 20 }, (_, number) => reserve(`k${number}`, 5, { creationsPerMinute: 3 })),
      );
      expect(tries.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(3);
      expect(tries.filter(({ outcome }) => outcome === 'too-many')).toHaveLength(17);
    });
  });

  it('keeps checksum and mark of each part, from its offer and from its commit', async () => {
    const bare = { number: 1, blob: 'one', sizeBytes: 3 };
    const full = { number: 2, blob: 'two', sizeBytes: 4, crc32: 2 ** 32 - 1, mark: '"etag-2"' };
    await reserve('k', 1);
    const uploadId = `upload-${uploads}`;
    await index.addParts('t1', uploadId, [bare, full], 1);
    expect(await index.parts('t1', uploadId)).toEqual([bare, full]);
    const marked = { ...bare, crc32: 0, mark: '3:17' };
    const done = await index.commit('t1', uploadId, [full, marked], 2);
    expect((await index.content('t1', done?.entry.id ?? ''))?.blobs).toEqual([
      { blob: 'two', sizeBytes: 4, crc32: 2 ** 32 - 1, mark: '"etag-2"' },
      { blob: 'one', sizeBytes: 3, crc32: 0, mark: '3:17' },
    ]);
  });

  it('gives an entry its own id though the one before is gone', async () => {
    const first = await save('a');
    await index.remove('t1', [first]);
    expect(await save('a')).not.toBe(first);
  });
}
