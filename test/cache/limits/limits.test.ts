import fc from 'fast-check';
import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { SqliteIndex } from '../../../src/cache/index/sqlite.ts';
import type { Disk } from '../../../src/cache/limits/limits.ts';
import { Limits } from '../../../src/cache/limits/limits.ts';
import { type PoolLimits, type PoolsLimits, USUAL_LIMITS } from '../../../src/cache/limits/pool_limits.ts';
import { Recency } from '../../../src/cache/recency.ts';
import { reserve } from '../../../src/cache/reserve.ts';
import type { CacheAccess } from '../../../src/cache/scope.ts';

const log = pino({ level: 'silent' });
const HOUR = 3_600_000;

let index: SqliteIndex;
let recency: Recency;
let limits: Limits;
let time: number;
let pools: Record<string, Partial<PoolLimits>>;
let known: boolean;
/** Blobs that the store was told to remove, and whether it does. */
let removed: string[];
let storeFails: boolean;
let evicted: [reason: string, key: string][];

beforeEach(() => begin());

function begin(disk?: Disk): void {
  index = new SqliteIndex(':memory:');
  time = 1_800_000_000_000;
  [pools, known, removed, storeFails, evicted] = [{}, true, [], false, []];
  const limitsOf: PoolsLimits = {
    get known() {
      return known;
    },
    of: (pool) => (pools[pool] === undefined ? undefined : { ...USUAL_LIMITS, ...pools[pool] }),
  };
  recency = new Recency(index, () => time, log);
  limits = new Limits({
    index,
    recency,
    pools: limitsOf,
    disk,
    blobs: {
      async remove(blobs) {
        if (storeFails) throw new Error('the store is away');
        removed.push(...blobs);
      },
    },
    onEvicted: (reason, entries) =>
      evicted.push(...entries.map(({ key }): [string, string] => [reason, key])),
    now: () => time,
    log,
  });
}

function access(pool = 'ci/linux', tenant = 'ci/git/acme/app'): CacheAccess {
  return { enabled: true, tenant, pool, scopes: [{ name: 'main', permission: 'ReadWrite' }] };
}

let uploads = 0;
/** Commits an entry the way that commit.ts does, without bytes; answers its id. */
async function save(key: string, sizeBytes: number, who = access()): Promise<string> {
  time += 1000;
  const uploadId = `upload-${++uploads}`;
  const { tenant, pool } = who;
  const part = { number: 1, blob: `blob-of-${key}`, sizeBytes };
  const taken = { uploadId, scope: 'main', key, version: 'a', pool, now: time };
  expect((await index.reserve(tenant, taken)).outcome).toBe('reserved');
  await index.addParts(tenant, uploadId, [part], time);
  const done = await index.commit(tenant, uploadId, [part], time);
  if (done === undefined) throw new Error('not committed');
  await limits.saved(who, done.entry.id);
  return done.entry.id;
}

async function keys(tenant = access().tenant): Promise<string[]> {
  const { entries } = await index.page({ tenant }, {}, { by: 'createdAt', descending: false }, 0, 1000);
  return entries.map((entry) => entry.key);
}

describe('the quota of a repository', () => {
  beforeEach(() => {
    pools['ci/linux'] = { repositoryQuota: 100 };
  });

  it('is held at the save: the least recently used make room, and their bytes go', async () => {
    const first = await save('first', 40);
    await save('second', 40);
    time += 1000;
    recency.note(access().tenant, first);
    await save('third', 40);
    expect(await keys()).toEqual(['first', 'third']);
    expect(removed).toEqual(['blob-of-second']);
    expect(evicted).toEqual([['repository-quota', 'second']]);
  });

  it('takes everything before what was just saved', async () => {
    await save('small', 10);
    time -= 5000;
    await save('large', 95);
    expect(await keys()).toEqual(['large']);
  });

  it('lets nothing be saved that is larger than itself', () => {
    expect(() => limits.admitEntry(access(), 100)).not.toThrow();
    expect(() => limits.admitEntry(access(), 101)).toThrow(
      expect.objectContaining({
        code: 'cache-entry-too-large',
        message: expect.stringMatching(/101 bytes.*allow 100/),
      }),
    );
  });

  it('is the largest of the pools that save for it', async () => {
    pools['ci/large'] = { repositoryQuota: 200 };
    await save('one', 90, access('ci/large'));
    await limits.keep();
    await save('two', 90);
    expect(await keys()).toEqual(['one', 'two']);
    delete pools['ci/large'];
    await limits.keep();
    expect(await keys()).toEqual(['two']);
  });

  it('of one repository takes nothing from another', async () => {
    await save('theirs', 90, access('ci/linux', 'ci/git/acme/other'));
    await save('ours', 90);
    expect(await keys('ci/git/acme/other')).toEqual(['theirs']);
  });

  it('that was lowered is held by the chore', async () => {
    for (const key of ['a', 'b', 'c']) await save(key, 30);
    pools['ci/linux'] = { repositoryQuota: 60 };
    await limits.keep();
    expect(await keys()).toEqual(['b', 'c']);
  });

  it('evicts nothing before the pools were heard of, nor refuses a size', async () => {
    known = false;
    for (const key of ['a', 'b', 'c']) await save(key, 90);
    await limits.keep();
    expect(await keys()).toEqual(['a', 'b', 'c']);
    expect(() => limits.admitEntry(access(), 2 ** 50)).not.toThrow();
  });

  it('leaves bytes that a store does not remove to the sweep, and nobody finds their entry', async () => {
    storeFails = true;
    for (const key of ['a', 'b']) await save(key, 90);
    expect(await keys()).toEqual(['b']);
    expect(await index.namedBlobs(['blob-of-a', 'blob-of-b'])).toEqual(new Set(['blob-of-b']));
  });
});

it("a pool's quota holds over all repositories that it saves for, and for no other pool", async () => {
  pools = { 'ci/linux': { poolQuota: 100 }, 'ci/other': {} };
  const [one, two] = [access('ci/linux', 't/one'), access('ci/linux', 't/two')];
  await save('first', 60, one);
  await save('not-ours', 60, access('ci/other', 't/one'));
  await save('second', 60, two);
  expect([await keys('t/one'), await keys('t/two')]).toEqual([['not-ours'], ['second']]);
  expect(evicted).toEqual([['pool-quota', 'first']]);
  expect(() => limits.admitEntry(one, 101)).toThrow(/allow 100/);
});

describe('what nobody reads', () => {
  it('goes when the pool that saved it says, by its last use', async () => {
    pools = {
      'ci/linux': { unreadExpiry: HOUR },
      'ci/long': { unreadExpiry: 3 * HOUR },
      'ci/never': { unreadExpiry: Number.POSITIVE_INFINITY },
    };
    const used = await save('used', 1);
    await save('unused', 1);
    await save('long', 1, access('ci/long'));
    await save('never', 1, access('ci/never'));
    time += HOUR - 10_000;
    recency.note(access().tenant, used);
    time += 20_000;
    await limits.keep();
    expect(await keys()).toEqual(['used', 'long', 'never']);
    time += 1000 * HOUR;
    await limits.keep();
    expect(await keys()).toEqual(['never']);
    expect(evicted.map(([reason]) => reason)).toEqual(['expired', 'expired', 'expired']);
  });

  it('of a pool that is gone goes after the usual week', async () => {
    await save('left', 1, access('ci/gone'));
    time += 168 * HOUR - 1000;
    await limits.keep();
    expect(await keys()).toEqual(['left']);
    time += 2000;
    await limits.keep();
    expect(await keys()).toEqual([]);
  });
});

it('what the chore leaves is what was used last, within every quota', async () => {
  const saves = fc.array(
    fc.record({ pool: fc.constantFrom('ci/a', 'ci/b'), sizeBytes: fc.integer({ min: 1, max: 50 }) }),
    { maxLength: 25 },
  );
  await fc.assert(
    fc.asyncProperty(
      saves,
      fc.array(fc.nat(24), { maxLength: 10 }),
      fc.integer({ min: 1, max: 400 }),
      async (entries, uses, quota) => {
        begin();
        known = false;
        const ids: string[] = [];
        for (const [place, { pool, sizeBytes }] of entries.entries())
          ids.push(await save(`k${place}`, sizeBytes, access(pool)));
        const order = entries.map((_, place) => place);
        for (const place of uses) {
          const id = ids[place];
          if (id === undefined) continue;
          time += 1000;
          recency.note(access().tenant, id);
          order.push(...order.splice(order.indexOf(place), 1));
        }
        known = true;
        pools = { 'ci/a': { repositoryQuota: quota }, 'ci/b': { repositoryQuota: 1 } };
        if (!entries.some(({ pool }) => pool === 'ci/a')) pools['ci/b'] = { repositoryQuota: quota };
        await limits.keep();
        let room = quota;
        const stay: number[] = [];
        for (const place of order.toReversed()) {
          room -= entries[place]?.sizeBytes ?? 0;
          if (room < 0) break;
          stay.push(place);
        }
        expect((await keys()).sort()).toEqual(stay.map((place) => `k${place}`).sort());
      },
    ),
    { numRuns: 40 },
  );
});

describe('creations', () => {
  it('beyond those of a minute are refused, with the time to come again', async () => {
    pools['ci/linux'] = { creationsPerMinute: 3 };
    const begun = (key: string) =>
      reserve({ index, limits, now: () => time }, access(), { key, version: 'a' });
    for (const key of ['a', 'b', 'c']) await begun(key);
    time += 20_000;
    const refused = await begun('d').catch((error) => error);
    expect(refused).toMatchObject({
      code: 'too-many-requests',
      message: expect.stringContaining('More than 3'),
    });
    expect(refused.retryAfterMs).toBeGreaterThan(0);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000);
    time += refused.retryAfterMs;
    await begun('d');
  });
});

describe('an upload that grows too large', () => {
  beforeEach(() => {
    pools['ci/linux'] = { maxEntrySize: 1000 };
  });
  const tooLarge = { code: 'cache-entry-too-large' };

  it('is refused where its size is said beforehand', async () => {
    await expect(limits.admitUpload(access(), 1001)).rejects.toMatchObject(tooLarge);
    await limits.admitUpload(access(), 1000);
    await limits.admitUpload(access());
  });

  it('is refused before its bytes are sent, with room for blocks that are sent again', async () => {
    await expect(limits.admitParts(access(), 'u', 1001)).rejects.toMatchObject(tooLarge);
    for (let part = 0; part < 11; part++) await limits.admitParts(access(), 'u', 100);
    await expect(limits.admitParts(access(), 'u', 1)).rejects.toMatchObject(tooLarge);
    await limits.admitParts(access(), 'another', 100);
    limits.closed('u');
    await limits.admitParts(access(), 'u', 100);
  });

  it('counts no longer when it was given up', async () => {
    await limits.admitParts(access(), 'u', 1000);
    time += HOUR;
    limits.releasedBefore(time);
    await limits.admitParts(access(), 'u', 1000);
  });
});

describe('the floor of the disk', () => {
  /** A disk of 1,000 bytes with nothing on it but the cache. */
  const disk: Disk = {
    floor: { percent: 10 },
    space: async (used) => ({ totalBytes: 1000, freeBytes: 1000 - used }),
  };
  beforeEach(() => begin(disk));

  it('is held by evicting over all pools what was used least recently', async () => {
    await save('a', 300, access('ci/a', 't/a'));
    await save('b', 300, access('ci/b', 't/b'));
    await limits.admitUpload(access(), 300);
    expect(evicted).toEqual([]);
    await limits.admitUpload(access(), 301);
    expect(evicted).toEqual([['disk', 'a']]);
  });

  it('counts what is on its way', async () => {
    await save('a', 300);
    await limits.admitParts(access(), 'u', 500);
    await limits.keepDisk();
    expect(evicted).toEqual([]);
    await limits.admitParts(access(), 'v', 200);
    expect(evicted).toEqual([['disk', 'a']]);
    await expect(limits.admitParts(access(), 'w', 300)).rejects.toMatchObject({ code: 'cache-store-full' });
  });

  it('refuses what does not fit when nothing is left to evict', async () => {
    await save('a', 300);
    await expect(limits.admitUpload(access(), 901)).rejects.toMatchObject({ code: 'cache-store-full' });
    expect(await keys()).toEqual([]);
    await limits.admitUpload(access(), 900);
  });

  it('of several that want room each makes its own, and no more than that', async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) await save(key, 140);
    await Promise.all([1, 2, 3].map((upload) => limits.admitParts(access(), `u${upload}`, 100)));
    expect((await keys()).length).toBeGreaterThanOrEqual(3);
  });
});
