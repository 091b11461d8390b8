import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Server, startS3Server } from '../support/s3_server.ts';
import { makeJobFolder } from './run_job.ts';
import { type Stand, save, startStand } from './stand.ts';

const MIB = 1024 * 1024;

let store: S3Server;
let stand: Stand;
beforeAll(async () => {
  store = await startS3Server();
  stand = await startStand({ s3: store.options });
}, 900_000);
afterAll(async () => {
  await stand.close();
  await store.stop();
});

let keys = 0;
async function urlOf(key: string): Promise<string> {
  const { body } = await stand.twirp('GetCacheEntryDownloadURL', { key, restore_keys: [], version: 'ab' });
  expect(body).toMatchObject({ ok: true, matched_key: key });
  return String(body.signed_download_url);
}

/** Saves an entry of these blocks, sent in a random order and all at once. */
async function saveBlocks(blocks: readonly Buffer[]): Promise<string> {
  const key = `blocks-${++keys}`;
  const { body } = await stand.twirp('CreateCacheEntry', { key, version: 'ab' });
  const url = String(body.signed_upload_url);
  const order = blocks.map((_, position) => position).sort(() => Math.random() - 0.5);
  await Promise.all(
    order.map(async (position) => {
      const put = await fetch(`${url}&comp=block&blockid=${id(position)}`, {
        method: 'PUT',
        body: blocks[position] as Buffer<ArrayBuffer>,
      });
      expect(put.status, await put.text()).toBe(201);
    }),
  );
  const list = blocks.map((_, position) => `<Latest>${id(position)}</Latest>`).join('');
  const put = await fetch(`${url}&comp=blocklist`, {
    method: 'PUT',
    body: `<?xml version="1.0"?><BlockList>${list}</BlockList>`,
  });
  expect(put.status).toBe(201);
  const size = blocks.reduce((sum, block) => sum + block.length, 0);
  const done = await stand.twirp('FinalizeCacheEntryUpload', {
    key,
    version: 'ab',
    size_bytes: String(size),
  });
  expect(done.body).toMatchObject({ ok: true });
  return key;
}

/** Names that sort otherwise than the list does. */
function id(position: number): string {
  return createHash('sha256').update(`block ${position}`).digest('hex');
}

describe('in front of an S3 store', () => {
  it('carries the bytes past the api, in whatever order and however many at once they come', async () => {
    const before = stand.apiBytes();
    const blocks = [5 * MIB, 1, 300_000, 2 * MIB, 4 * MIB + 7, 1000, 1 * MIB, 64 * 1024].map((size) =>
      randomBytes(size),
    );
    const key = await saveBlocks(blocks);
    const restored = await fetch(await urlOf(key));
    expect(restored.status).toBe(200);
    const bytes = Buffer.from(await restored.arrayBuffer());
    expect(restored.headers.get('content-length')).toBe(String(bytes.length));
    expect(restored.headers.get('etag')).toMatch(/^"0x/);
    expect(bytes.equals(Buffer.concat(blocks))).toBe(true);
    const passed = stand.apiBytes() - before;
    console.log(`${2 * bytes.length} bytes saved and restored, ${passed} bytes through the api`);
    expect(passed).toBeLessThan(64 * 1024);
  });

  it.each(['range', 'x-ms-range'])('answers ranges by %s across parts', async (header) => {
    const blocks = [100, 100, 150].map((size) => randomBytes(size));
    const whole = Buffer.concat(blocks);
    const url = await urlOf(await saveBlocks(blocks));
    for (const [start, end] of [
      [0, 0],
      [99, 100],
      [0, 349],
      [95, 249],
      [349, 349],
      [100, 199],
    ] as const) {
      const got = await fetch(url, { headers: { [header]: `bytes=${start}-${end}` } });
      expect(got.status).toBe(206);
      expect(got.headers.get('content-range')).toBe(`bytes ${start}-${end}/350`);
      expect(Buffer.from(await got.arrayBuffer()).equals(whole.subarray(start, end + 1))).toBe(true);
    }
    expect((await fetch(url, { headers: { [header]: 'bytes=350-360' } })).status).toBe(416);
  });

  it('saves a body whose length nobody says', async () => {
    const key = `unsaid-${++keys}`;
    const bytes = randomBytes(9 * MIB);
    const { body } = await stand.twirp('CreateCacheEntry', { key, version: 'ab' });
    const put = await fetch(String(body.signed_upload_url), {
      method: 'PUT',
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(put.status).toBe(201);
    await stand.twirp('FinalizeCacheEntryUpload', { key, version: 'ab', size_bytes: String(bytes.length) });
    const restored = Buffer.from(await (await fetch(await urlOf(key))).arrayBuffer());
    expect(restored.equals(bytes)).toBe(true);
  });

  it('lists the parts of an entry of very many page by page', { timeout: 120_000 }, async () => {
    const blocks = Array.from({ length: 300 }, (_, position) => Buffer.from(`part ${position};`));
    const url = await urlOf(await saveBlocks(blocks));
    const whole = Buffer.concat(blocks);
    expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(whole)).toBe(true);
    const last = await fetch(url, { headers: { range: 'bytes=-12' } });
    expect(Buffer.from(await last.arrayBuffer()).equals(whole.subarray(-12))).toBe(true);
  });

  it('leaves nothing of a save behind but the parts that were committed', async () => {
    const before = (await store.keys()).length;
    const saved = await save(stand, `plain-${++keys}`, 'ab', randomBytes(1000));
    expect(saved.body).toMatchObject({ ok: true });
    expect(await store.keys()).toHaveLength(before + 1);
  });

  it.each([
    ['v2', 140, {}],
    ['v1', 40, { ACTIONS_CACHE_SERVICE_V2: '' }],
  ] as const)(
    'serves the unmodified @actions/cache by %s',
    { timeout: 180_000 },
    async (version, mebibytes, env) => {
      const job = await makeJobFolder(() => stand.url);
      try {
        const before = stand.apiBytes();
        const log = await job.saveAndRestore(`stock-${version}`, mebibytes, env);
        expect(log).toContain(`Cache service version: ${version}`);
        expect(stand.apiBytes() - before).toBeLessThan(mebibytes * 1024);
      } finally {
        await job.remove();
      }
    },
  );
});
