import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import type { CacheAccess } from '../../../src/cache/scope.ts';
import type { LookupAnswer, PartsAnswer, UploadAnswer } from '../../../src/protocol/cache.ts';
import type { Api } from '../../../src/runtime/server.ts';
import { buildCacheApi } from '../../support/cache_api.ts';

const VERSION = 'c0ffee';
const access: CacheAccess = {
  enabled: true,
  tenant: 'acme/app & co?',
  pool: 'runners/pool',
  scopes: [{ name: 'main', permission: 'ReadWrite' }],
};

let folder: string;
let cache: Cache;
let api: Api;
let base: string;
let time = Date.parse('2026-01-01T00:00:00Z');
const logged: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-blobs-'));
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  cache = await openCache({ dataDir: folder, clock: () => time, log });
  api = await buildCacheApi(cache, { alice: access }, log);
  await api.listen({ host: '127.0.0.1', port: 0 });
  base = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  // After an abort, fetch keeps a fresh connection on which it has asked nothing yet, which doesn't count as idle.
  const closed = api.close();
  api.server.closeAllConnections();
  await closed;
  await cache.close();
  await rm(folder, { recursive: true });
});

async function call<T>(path: string, body: unknown, status = 200): Promise<T> {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers: { authorization: 'Bearer alice', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.clone().text()).toBe(status);
  return (await answer.json()) as T;
}

let keys = 0;
async function partUrl(sizeBytes: number): Promise<string> {
  const { uploadId } = await call<UploadAnswer>(
    '/v1/cache/uploads',
    { key: `k${++keys}`, version: VERSION },
    201,
  );
  const { parts } = await call<PartsAnswer>(`/v1/cache/uploads/${uploadId}/parts`, {
    parts: [{ number: 1, sizeBytes }],
  });
  return parts[0]?.url ?? '';
}

/** Saves an entry of several parts, sent in another order than the list's; answers its signed URL and bytes. */
async function saved(sizes: readonly number[]): Promise<{ url: string; bytes: Buffer }> {
  const key = `k${++keys}`;
  const bodies = sizes.map((size) => randomBytes(size));
  const { uploadId } = await call<UploadAnswer>('/v1/cache/uploads', { key, version: VERSION }, 201);
  const numbers = sizes.map((_, position) => sizes.length - position);
  const { parts } = await call<PartsAnswer>(`/v1/cache/uploads/${uploadId}/parts`, {
    parts: sizes.map((sizeBytes, position) => ({ number: numbers[position], sizeBytes })),
  });
  await Promise.all(
    parts.map(async ({ url }, position) => {
      const put = await fetch(base + url, { method: 'PUT', body: bodies[position] as Buffer<ArrayBuffer> });
      expect(put.status).toBe(201);
    }),
  );
  const bytes = Buffer.concat(bodies);
  await call(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: bytes.length, parts: numbers });
  const found = await call<LookupAnswer>('/v1/cache/lookup', { keys: [key], version: VERSION });
  if (!found.hit) throw new Error('not found');
  return { url: found.url, bytes };
}

async function filesKept(): Promise<string[]> {
  const names = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  return names.filter((file) => file.isFile()).map((file) => file.name);
}

describe('GET of an entry', () => {
  it('answers the whole with its length and an ETag', async () => {
    const { url, bytes } = await saved([3_000_000, 1, 700_000]);
    const answer = await fetch(base + url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
    expect(answer.headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=95-104', 95, 104],
    ['bytes=100-', 100, 349],
    ['bytes=99-250', 99, 250],
    ['bytes=349-', 349, 349],
    ['bytes=340-999999', 340, 349],
    ['bytes=-1', 349, 349],
    ['bytes=-300', 50, 349],
    ['bytes=-99999', 0, 349],
    ['BYTES=5-6', 5, 6],
  ])('answers 206 for %s', async (range, start, end) => {
    const { url, bytes } = await saved([100, 100, 150]);
    const answer = await fetch(base + url, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/350`);
    expect(answer.headers.get('content-length')).toBe(String(end - start + 1));
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=350-', 'bytes=9999-10000', 'bytes=-0'])('answers 416 for %s', async (range) => {
    const { url } = await saved([350]);
    const answer = await fetch(base + url, { headers: { range } });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */350');
    expect(await answer.text()).toBe('');
  });

  it.each(['bytes=5-1', 'bytes=0-1,4-5', 'bytes=a-b', 'bytes=-', 'lines=0-1', 'bytes=0x1-2', ''])(
    'answers the whole for %j',
    async (range) => {
      const { url, bytes } = await saved([350]);
      const answer = await fetch(base + url, { headers: { range } });
      expect(answer.status).toBe(200);
      expect((await answer.arrayBuffer()).byteLength).toBe(bytes.length);
    },
  );

  it('answers a range only of the entry that If-Range names', async () => {
    const { url } = await saved([10]);
    const etag = (await fetch(base + url)).headers.get('etag') ?? '';
    const same = await fetch(base + url, { headers: { range: 'bytes=1-2', 'if-range': etag } });
    const other = await fetch(base + url, { headers: { range: 'bytes=1-2', 'if-range': '"x"' } });
    expect([same.status, other.status]).toEqual([206, 200]);
  });

  it('lets go of the files when the reader goes away', async () => {
    const { url } = await saved([8_000_000]);
    const open = async () =>
      (await Promise.all((await readdir('/proc/self/fd')).map((fd) => linkOf(fd)))).filter((path) =>
        path.startsWith(join(folder, 'blobs')),
      ).length;
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const abort = new AbortController();
        const answer = await fetch(base + url, { signal: abort.signal });
        await answer.body?.getReader().read();
        abort.abort();
      }),
    );
    await expect.poll(open).toBe(0);
  });
});

async function linkOf(fd: string): Promise<string> {
  return readlink(`/proc/self/fd/${fd}`).catch(() => '');
}

describe('a signed URL', () => {
  const at = (path: string) => (url: URL) => {
    url.pathname = path;
  };
  const forge = (url: string, change: (parsed: URL) => void): string => {
    const parsed = new URL(base + url);
    change(parsed);
    return parsed.href;
  };

  it.each<[string, (url: URL) => void]>([
    ['no signature', (url) => url.searchParams.delete('sig')],
    ['an empty signature', (url) => url.searchParams.set('sig', '')],
    ['one changed letter', (url) => url.searchParams.set('sig', changed(url.searchParams.get('sig') ?? ''))],
    [
      'a shorter signature',
      (url) => url.searchParams.set('sig', (url.searchParams.get('sig') ?? '').slice(0, 20)),
    ],
    ['two signatures', (url) => url.searchParams.append('sig', 'x')],
    ['a later expiry', (url) => url.searchParams.set('exp', String(Number(url.searchParams.get('exp')) + 1))],
    ['no expiry', (url) => url.searchParams.delete('exp')],
    ['another tenant', (url) => url.searchParams.set('tenant', 'acme/other')],
    ['another entry', at('/v1/blobs/entries/1')],
    ['a path', at('/v1/blobs/entries/..%2f..%2fcache.sqlite')],
    ['a NUL', at('/v1/blobs/entries/%00')],
  ])('is refused for GET with %s', async (_what, change) => {
    await saved([1]);
    const { url } = await saved([10]);
    const answer = await fetch(forge(url, change));
    expect([403, 422]).toContain(answer.status);
    expect(await answer.text()).not.toContain('cache.sqlite');
  });

  it.each<[string, (url: URL) => void]>([
    ['no signature', (url) => url.searchParams.delete('sig')],
    ['another size', (url) => url.searchParams.set('size', '11')],
    ['the same size, written otherwise', (url) => url.searchParams.set('size', '1e999')],
    ['another blob', at(`/v1/blobs/parts/${crypto.randomUUID()}`)],
    ['a path', at('/v1/blobs/parts/..%2f..%2furl-signing.key')],
  ])('is refused for PUT with %s', async (_what, change) => {
    const before = await filesKept();
    const url = await partUrl(10);
    const answer = await fetch(forge(url, change), { method: 'PUT', body: 'x'.repeat(10) });
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'url-signature' });
    expect(await filesKept()).toEqual(before);
  });

  it('ends: a GET after 5 minutes, a PUT after 15', async () => {
    const get = (await saved([10])).url;
    const put = await partUrl(10);
    time += 5 * 60_000 - 1000;
    expect((await fetch(base + get)).status).toBe(200);
    time += 1000;
    expect((await fetch(base + get)).status).toBe(403);
    time += 10 * 60_000;
    expect((await fetch(base + put, { method: 'PUT', body: 'x'.repeat(10) })).status).toBe(403);
  });

  it('is good for its own method only', async () => {
    const get = (await saved([10])).url;
    expect((await fetch(base + get, { method: 'PUT', body: 'x' })).status).toBe(405);
    expect((await fetch(base + get, { method: 'HEAD' })).status).toBe(405);
    expect((await fetch(base + (await partUrl(1)))).status).toBe(405);
  });

  it('never stands in the log', async () => {
    const { url } = await saved([10]);
    await fetch(base + url);
    await fetch(forge(url, (parsed) => parsed.searchParams.set('exp', '1')));
    await fetch(base + (await partUrl(10)), { method: 'PUT', body: 'too short' });
    const sig = new URL(base + url).searchParams.get('sig') ?? '';
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.filter((line) => line.includes(sig) || line.includes('sig='))).toEqual([]);
  });
});

describe('PUT of a part', () => {
  it('stores the bytes once: neither again, nor after the commit', async () => {
    const { uploadId } = await call<UploadAnswer>(
      '/v1/cache/uploads',
      { key: 'once', version: VERSION },
      201,
    );
    const { parts } = await call<PartsAnswer>(`/v1/cache/uploads/${uploadId}/parts`, {
      parts: [{ number: 1, sizeBytes: 4 }],
    });
    const put = (body: string) => fetch(base + parts[0]?.url, { method: 'PUT', body });
    expect((await put('good')).status).toBe(201);
    expect((await put('evil')).status).toBe(409);
    await call(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: 4, parts: [1] });
    expect((await put('evil')).status).toBe(409);
    const found = await call<LookupAnswer>('/v1/cache/lookup', { keys: ['once'], version: VERSION });
    expect(await (await fetch(base + (found.hit ? found.url : ''))).text()).toBe('good');
  });

  it('lets one of two writers at once win', async () => {
    const url = await partUrl(1_000_000);
    const answers = await Promise.all(
      ['a', 'b'].map((letter) => fetch(base + url, { method: 'PUT', body: letter.repeat(1_000_000) })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409]);
  });

  it.each([
    ['shorter', 9],
    ['longer', 11],
    ['empty', 0],
  ])('refuses a %s body and keeps nothing', async (_what, length) => {
    const url = await partUrl(10);
    const before = await filesKept();
    const answer = await fetch(base + url, { method: 'PUT', body: 'x'.repeat(length) });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'cache-size-mismatch' });
    expect(await filesKept()).toEqual(before);
    expect((await fetch(base + url, { method: 'PUT', body: 'x'.repeat(10) })).status).toBe(201);
  });

  it('keeps nothing of a body that breaks off', async () => {
    const url = await partUrl(1000);
    const before = await filesKept();
    const request = httpRequest(base + url, { method: 'PUT', headers: { 'content-length': 1000 } });
    request.on('error', () => {});
    request.write('x'.repeat(500));
    await expect.poll(filesKept).toHaveLength(before.length + 1);
    request.destroy();
    await expect.poll(filesKept).toEqual(before);
  });

  it('refuses a body that does not say its length, as the signature is for one', async () => {
    const url = await partUrl(10);
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(base + url, { method: 'PUT' }, (answer) => resolve(answer.statusCode));
      request.on('error', reject);
      request.write('x'.repeat(10));
      request.end();
    });
    expect(status).toBe(400);
  });

  it('takes any media type, and a body far larger than a control message', async () => {
    for (const type of ['application/json', 'application/octet-stream', 'text/plain; charset=utf-8']) {
      const url = await partUrl(3_000_000);
      const put = await fetch(base + url, {
        method: 'PUT',
        headers: { 'content-type': type },
        body: randomBytes(3_000_000),
      });
      expect(put.status).toBe(201);
    }
  });
});

function changed(text: string): string {
  return (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
}
