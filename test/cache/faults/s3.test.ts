import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { S3Blobs } from '../../../src/cache/blobs/s3/s3_blobs.ts';
import { SqliteIndex } from '../../../src/cache/index/sqlite.ts';
import { ORPHAN_GRACE, removeOrphans } from '../../../src/cache/sweep.ts';
import { ACCESS, type Stand, startStand } from '../../sidecar/stand.ts';
import { FAULTS, type FaultyProxy, startFaultyProxy } from '../../support/faulty_proxy.ts';
import { type S3Server, startS3Server } from '../../support/s3_server.ts';
import { bytesOf } from '../saved_bytes.ts';
import { StockLikeClient } from './stock_like_client.ts';

const SAVES = 80;
const AT_ONCE = 8;
const SHARE = 0.2;

let server: S3Server;
let proxy: FaultyProxy;
let stand: Stand;
let client: StockLikeClient;
beforeAll(async () => {
  server = await startS3Server();
  proxy = await startFaultyProxy(server.options.endpoint ?? '');
  stand = await startStand({ s3: { ...server.options, endpoint: proxy.url } });
  client = new StockLikeClient(stand.url, 'ab');
}, 900_000);
afterEach(() => {
  proxy.faults = { share: 0, kinds: FAULTS };
  proxy.change = undefined;
});
afterAll(async () => {
  await stand.close();
  proxy.close();
  await server.stop();
});

it(`loses nothing and shows nothing partial while S3 fails ${100 * SHARE} % of all requests`, {
  timeout: 240_000,
}, async () => {
  const keys = Array.from({ length: SAVES }, (_, number) => `key-${number}`);
  const saved: string[] = [];
  const wrong: string[] = [];
  const broken = { saves: 0, restores: 0, missed: 0 };
  proxy.faults = { share: SHARE, kinds: FAULTS };
  const lane = async () => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      const done = await client.save(key, bytesOf(key)).then(
        () => true,
        () => false,
      );
      if (done) saved.push(key);
      else broken.saves++;
      await client.restore(key).then(
        (bytes) => {
          if (bytes === undefined) broken.missed++;
          else if (!bytes.equals(bytesOf(String(key)))) wrong.push(String(key));
        },
        () => broken.restores++,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  proxy.faults = { share: 0, kinds: FAULTS };

  const visible = (await stand.cache.list(ACCESS, 'key-')).entries.map(({ key }) => key);
  let lost = 0;
  for (const key of new Set([...saved, ...visible])) {
    const bytes = await client.restore(key);
    if (bytes === undefined) lost++;
    else if (!bytes.equals(bytesOf(key))) wrong.push(key);
  }
  const injected = [...proxy.injected.values()].reduce((sum, count) => sum + count, 0);
  const kinds = [...proxy.injected].map(([kind, count]) => `${kind} ${count}`).join(', ');
  console.log(
    `injected ${injected} faults (${kinds}); ${saved.length} of ${SAVES} saves went through, ` +
      `${broken.restores} restores broke off, ${broken.missed} were misses; lost ${lost}, wrong ${wrong.length}`,
  );
  expect(wrong).toEqual([]);
  expect(lost).toBe(0);
  expect(saved.length).toBeGreaterThan(SAVES / 2);
  expect(proxy.injected.size).toBe(FAULTS.length);

  await leavesNoOrphans();
});

/** What broken saves left behind goes in one sweep, and nothing else does. */
async function leavesNoOrphans(): Promise<void> {
  const index = new SqliteIndex(join(stand.dataDir, 'cache.sqlite'));
  try {
    const later = Date.now() + ORPHAN_GRACE + 60_000;
    await index.releaseAbandoned(later);
    const blobs = await S3Blobs.open(server.options);
    // As of an api that died between its offer and its note of it.
    const { url, headers } = await blobs.direct.put(randomUUID(), 5);
    const stray = await fetch(url, { method: 'PUT', headers, body: 'stray' });
    expect(stray.status).toBe(200);
    const before = (await server.keys()).length;
    const removed = await removeOrphans({ index, blobs, now: () => later });
    const names = (await server.keys()).map((key) => key.slice('harrier/'.length));
    expect(removed).toBeGreaterThan(0);
    expect(names).toHaveLength(before - removed);
    expect((await index.namedBlobs(names)).size).toBe(names.length);
    console.log(`${removed} orphans of ${before} objects swept`);
  } finally {
    await index.close();
  }
}

it('restores over another connection while one stalls for 30 s, and waits a stalled save out', {
  timeout: 120_000,
}, async () => {
  proxy.stallMs = 30_000;
  await client.save('before', bytesOf('before'));
  const restoring = async () => {
    proxy.faults = { share: 1, kinds: ['stalled'] };
    // The look-up asks S3 nothing: the entry was just committed. So the first to stall is its first part.
    const { body } = await stand.twirp('GetCacheEntryDownloadURL', {
      key: 'before',
      restore_keys: [],
      version: 'ab',
    });
    const began = performance.now();
    const answer = await fetch(String(body.signed_download_url));
    const first = proxy.injected.get('stalled') ?? 0;
    while ((proxy.injected.get('stalled') ?? 0) === first && first === 0) await new Promise(setImmediate);
    proxy.faults = { share: 0, kinds: FAULTS };
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.equals(bytesOf('before'))).toBe(true);
    return performance.now() - began;
  };
  const took = await restoring();
  console.log(`restored in ${(took / 1000).toFixed(1)} s past a connection that stalled for 30 s`);
  expect(took).toBeLessThan(30_000);

  proxy.faults = { share: 1, kinds: ['stalled'] };
  const saving = stand.twirp('CreateCacheEntry', { key: 'stalled', version: 'ab' });
  const url = String((await saving).body.signed_upload_url);
  const putting = fetch(url, { method: 'PUT', body: 'stalled' });
  const stalls = proxy.injected.get('stalled') ?? 0;
  await expect.poll(() => proxy.injected.get('stalled'), { timeout: 20_000 }).toBe(stalls + 1);
  proxy.faults = { share: 0, kinds: FAULTS };
  expect((await putting).status).toBe(201);
  const done = await stand.twirp('FinalizeCacheEntryUpload', {
    key: 'stalled',
    version: 'ab',
    size_bytes: '7',
  });
  expect(done.body).toMatchObject({ ok: true });
  expect((await client.restore('stalled'))?.toString()).toBe('stalled');
});

it('breaks a restore off whose bytes were changed on their way, and quarantines nothing for it', async () => {
  await client.save('changed', bytesOf('changed'));
  proxy.change = (chunk) => {
    const changed = Buffer.from(chunk);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    return changed;
  };
  await expect(client.restore('changed')).rejects.toThrow();
  proxy.change = undefined;
  // Said by the sidecar as it breaks off, and heard by the api a moment later.
  await expect
    .poll(() => stand.seen.filter(({ path }) => path.endsWith('/doubts')), { timeout: 20_000 })
    .toHaveLength(1);
  expect((await client.restore('changed'))?.equals(bytesOf('changed'))).toBe(true);
});
