import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS, POD_TOKEN, type Stand, save, startStand } from './stand.ts';

const V = 'c0de';
let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.close());

async function openUpload(key: string): Promise<string> {
  const { body } = await stand.twirp('CreateCacheEntry', { key, version: V });
  return String(body.signed_upload_url);
}

async function expectStored(key: string, bytes: Buffer): Promise<string> {
  const sized = { key, version: V, size_bytes: bytes.length };
  expect((await stand.twirp('FinalizeCacheEntryUpload', sized)).body).toMatchObject({ ok: true });
  const url = await downloadUrl(key);
  const answer = await fetch(url);
  expect(answer.headers.get('content-length')).toBe(String(bytes.length));
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
  return url;
}

async function filesOfStore(): Promise<number> {
  const found = await readdir(join(stand.dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).length;
}

async function downloadUrl(key: string): Promise<string> {
  const { body } = await stand.twirp('GetCacheEntryDownloadURL', { key, version: V });
  return String(body.signed_download_url);
}

const list = (blocks: string) => `<?xml version="1.0"?>\n<BlockList>\n${blocks}\n</BlockList>\n`;

describe('uploads', () => {
  it('take blocks in any order and in parallel, and follow the list', async () => {
    const url = await openUpload('order');
    const blocks = Array.from({ length: 9 }, (_, i) => ({
      id: Buffer.from(`block-${i}`).toString('base64'),
      bytes: randomBytes(100_000 + i),
    }));
    const puts = blocks.toReversed().map(({ id, bytes }) =>
      fetch(`${url}&comp=block&blockid=${encodeURIComponent(id)}`, {
        method: 'PUT',
        body: Buffer.from(bytes),
      }),
    );
    for (const put of await Promise.all(puts)) {
      expect(put.status).toBe(201);
      // The Go client dereferences it unchecked.
      expect(put.headers.get('x-ms-request-id')).toBeTruthy();
    }
    const xml = list(blocks.map(({ id }) => `<Latest>${id}</Latest>`).join('\n'));
    const committed = await fetch(`${url}&comp=blocklist`, { method: 'PUT', body: xml });
    expect([committed.status, committed.headers.get('etag')]).toEqual([201, expect.any(String)]);
    await expectStored('order', Buffer.concat(blocks.map(({ bytes }) => bytes)));
  });

  it('take the later of two blocks of one id, and tell Committed from Uncommitted', async () => {
    const url = await openUpload('twice');
    const put = (id: string, body: string) =>
      fetch(`${url}&comp=block&blockid=${id}`, { method: 'PUT', body });
    const commit = (xml: string) => fetch(`${url}&comp=blocklist`, { method: 'PUT', body: list(xml) });
    await put('a', 'lost');
    await put('a', 'first');
    expect((await commit('<Uncommitted>a</Uncommitted>')).status).toBe(201);
    await put('a', 'second');
    expect(
      (await commit('<Committed>a</Committed><Latest>a</Latest><Uncommitted>a</Uncommitted>')).status,
    ).toBe(201);
    await expectStored('twice', Buffer.from('firstsecondsecond'));
  });

  it('take a body that does not say its length', async () => {
    const url = await openUpload('chunked');
    const bytes = randomBytes(9 * 1024 * 1024 + 7);
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 50_000) controller.enqueue(bytes.subarray(at, at + 50_000));
        controller.close();
      },
    });
    const answer = await fetch(url, { method: 'PUT', body: stream, duplex: 'half' } as RequestInit);
    expect(answer.status).toBe(201);
    await expectStored('chunked', bytes);
  });

  it('take an append blob, in turn and at the expected position only', async () => {
    const url = await openUpload('append');
    const created = await fetch(url, { method: 'PUT', headers: { 'x-ms-blob-type': 'AppendBlob' } });
    expect(created.status).toBe(201);
    const append = (body: string, at: number) =>
      fetch(`${url}&comp=appendblock`, {
        method: 'PUT',
        headers: { 'x-ms-blob-condition-appendpos': String(at) },
        body,
      });
    expect((await append('one', 0)).headers.get('x-ms-blob-append-offset')).toBe('0');
    expect((await append('lost', 0)).status).toBe(412);
    expect((await append('two', 3)).headers.get('x-ms-blob-committed-block-count')).toBe('2');
    expect((await fetch(`${url}&comp=seal`, { method: 'PUT' })).status).toBe(200);
    await expectStored('append', Buffer.from('onetwo'));
  });

  it('drop a block whose client goes away in the middle', { timeout: 40_000 }, async () => {
    const url = await openUpload('aborted');
    const before = await filesOfStore();
    const outgoing = request(`${url}&comp=block&blockid=a`, {
      method: 'PUT',
      headers: { 'content-length': 1_000_000 },
    });
    outgoing.on('error', () => undefined);
    outgoing.write(randomBytes(300_000));
    await expect.poll(() => stand.seen.at(-1)?.method).toBe('PUT');
    outgoing.destroy();
    await sleep(200);
    const answer = await fetch(`${url}&comp=blocklist`, { method: 'PUT', body: list('<Latest>a</Latest>') });
    expect(answer.headers.get('x-ms-error-code')).toBe('InvalidBlockList');
    await expect.poll(filesOfStore).toBe(before);
  });

  it('take v1 chunks in any order and in parallel, with and without Content-Length', async () => {
    const base = `${stand.url}/_apis/artifactcache/caches`;
    const reserved = await fetch(base, { method: 'POST', body: JSON.stringify({ key: 'v1', version: V }) });
    const { cacheId } = (await reserved.json()) as { cacheId: number };
    const bytes = randomBytes(500_000);
    const patch = (start: number, end: number, stream: boolean) => {
      const body = Buffer.from(bytes.subarray(start, end));
      return fetch(`${base}/${cacheId}`, {
        method: 'PATCH',
        headers: { 'content-range': `bytes ${start}-${end - 1}/*` },
        ...(stream ? { body: new Blob([body]).stream(), duplex: 'half' } : { body }),
      } as RequestInit);
    };
    const answers = await Promise.all([
      patch(400_000, 500_000, true),
      patch(0, 200_000, false),
      patch(200_000, 400_000, true),
      patch(0, 200_000, true),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    const committed = await fetch(`${base}/${cacheId}`, { method: 'POST', body: '{"size":500000}' });
    expect(committed.status).toBe(204);
    const stored = await fetch(await downloadUrl('v1'));
    expect(Buffer.from(await stored.arrayBuffer()).equals(bytes)).toBe(true);
    const listed = await fetch(`${base}?key=v`);
    expect(await listed.json()).toMatchObject({
      totalCount: 1,
      artifactCaches: [{ cacheKey: 'v1', cacheVersion: V }],
    });
  });

  it.each([
    ['shorter', 10, 8],
    ['longer', 10, 12],
  ])('refuse a v1 chunk without Content-Length that is %s than its range', async (what, claimed, sent) => {
    const base = `${stand.url}/_apis/artifactcache/caches`;
    const reserved = await fetch(base, {
      method: 'POST',
      body: JSON.stringify({ key: `v1-${what}`, version: V }),
    });
    const { cacheId } = (await reserved.json()) as { cacheId: number };
    const answer = await fetch(`${base}/${cacheId}`, {
      method: 'PATCH',
      headers: { 'content-range': `bytes 0-${claimed - 1}/*` },
      body: new Blob([Buffer.alloc(sent)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(answer.status).toBe(400);
    expect((await fetch(`${base}/${cacheId}`, { method: 'POST', body: `{"size":${sent}}` })).status).toBe(
      400,
    );
  });

  it('go on after the store was unreachable for a block', async () => {
    const url = await openUpload('retry');
    const upload = stand.uploads.all().find(({ key }) => key === 'retry');
    expect(upload).toBeDefined();
    const put = () => fetch(url, { method: 'PUT', body: 'bytes' });
    stand.callers[POD_TOKEN] = { ...ACCESS, enabled: false };
    expect((await put()).status).toBe(403);
    stand.callers[POD_TOKEN] = ACCESS;
    expect((await put()).status).toBe(201);
    await expectStored('retry', Buffer.from('bytes'));
  });
});

describe('downloads', () => {
  const bytes = randomBytes(10_000);

  it('answer HEAD and ranges, x-ms-range first', async () => {
    await save(stand, 'ranges', V, bytes);
    const url = await downloadUrl('ranges');
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('x-ms-blob-type')]).toEqual([
      200,
      '10000',
      'BlockBlob',
    ]);
    const get = (headers: Record<string, string>) => fetch(url, { headers });
    const ranged = await get({ range: 'bytes=0-0', 'x-ms-range': 'bytes=100-199' });
    expect([
      ranged.status,
      ranged.headers.get('content-range'),
      ranged.headers.get('content-length'),
    ]).toEqual([206, 'bytes 100-199/10000', '100']);
    expect(Buffer.from(await ranged.arrayBuffer()).equals(bytes.subarray(100, 200))).toBe(true);
    expect((await get({ range: 'bytes=9990-' })).headers.get('content-range')).toBe('bytes 9990-9999/10000');
    const beyond = await get({ range: 'bytes=10000-' });
    expect([beyond.status, beyond.headers.get('x-ms-error-code')]).toEqual([416, 'InvalidRange']);
  });

  it('renew a signed URL that has expired, and answer 404 for an entry that is gone', async () => {
    await save(stand, 'expired', V, bytes);
    const url = await downloadUrl('expired');
    stand.advance(3_600_000);
    const before = stand.seen.length;
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    expect(stand.seen.slice(before).map(({ path }) => path)).toEqual([
      expect.stringContaining('/v1/blobs/entries/'),
      '/v1/cache/lookup',
      expect.stringContaining('/v1/blobs/entries/'),
    ]);
    stand.advance(3_600_000);
    stand.callers[POD_TOKEN] = { ...ACCESS, tenant: 'other/app' };
    const gone = await fetch(url);
    stand.callers[POD_TOKEN] = ACCESS;
    expect([gone.status, gone.headers.get('x-ms-error-code')]).toEqual([404, 'BlobNotFound']);
  });

  it('let go of the store when the client goes away', async () => {
    await save(stand, 'left', V, randomBytes(8 * 1024 * 1024));
    const url = await downloadUrl('left');
    const controller = new AbortController();
    const answer = await fetch(url, { signal: controller.signal });
    await answer.body?.getReader().read();
    controller.abort();
    expect((await fetch(url)).status).toBe(200);
  });
});
