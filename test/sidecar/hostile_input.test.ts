import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AS_POD, asJob, FIVE, V } from './as_job.ts';
import { head, rawRequest } from './raw_request.ts';
import { CACHE_SERVICE, POD_TOKEN, type Stand, save, startStand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.close());

const { openUpload, lookup, restored, expectWork, files } = asJob(() => stand);
const v1 = () => `${stand.url}/_apis/artifactcache`;

describe('keys', () => {
  const NFC = 'caf\u00e9';
  const NFD = 'cafe\u0301';

  it.each([
    ['../../../../etc/passwd'],
    ['..\\..\\boot.ini'],
    ['/etc/passwd'],
    ['%2e%2e%2f%2e%2e'],
    ['.'],
    ["'; DROP TABLE entries; --"],
    ['<script>&amp;"'],
    ['line\nbreak\r\nx-injected: 1'],
    ['🦅'.repeat(256)],
    ['__proto__'],
  ])('%j is a name like any other, and no path', async (key) => {
    const bytes = Buffer.from(`of ${key}`);
    expect((await save(stand, key, V, bytes)).body.ok).toBe(true);
    expect(await restored(key)).toBe(bytes.toString());
    for (const name of await files())
      expect(name).toMatch(/^(cache\.sqlite|[0-9a-f-]{36}(\.part)?$|boot-id|.*key)/);
  });

  it('of two Unicode forms are two', async () => {
    await save(stand, NFC, V, Buffer.from('composed'));
    expect(await lookup(NFD)).toEqual({ ok: false });
    await save(stand, NFD, V, Buffer.from('decomposed'));
    expect(await restored(NFC)).toBe('composed');
    expect(await restored(NFD)).toBe('decomposed');
  });

  it.each(['wild%', 'wild_ard', 'wild*', 'wild?ard', 'wild[c]ard', 'wild\\', 'WILDCARD', '%', '_', '*'])(
    'as the prefix %s match themselves alone',
    async (prefix) => {
      const version = 'fade';
      const search = () =>
        stand.twirp('GetCacheEntryDownloadURL', { key: 'nothing', restore_keys: [prefix], version });
      await save(stand, `wildcard before ${prefix}`, version, FIVE);
      expect((await search()).body).toEqual({ ok: false });
      await save(stand, `${prefix}-kept`, version, FIVE);
      expect((await search()).body.matched_key).toBe(`${prefix}-kept`);
    },
  );

  it.each([
    ['a NUL', 'a\0b'],
    ['half a character', 'a\ud800'],
    ['513 characters', 'k'.repeat(513)],
  ])('with %s are refused by each protocol', async (_what, key) => {
    expect(await stand.twirp('CreateCacheEntry', { key, version: V })).toMatchObject({
      status: 400,
      body: { code: 'invalid_argument' },
    });
    const reserve = await fetch(`${v1()}/caches`, {
      method: 'POST',
      body: JSON.stringify({ key, version: V }),
    });
    expect([reserve.status, await reserve.json()]).toMatchObject([
      400,
      { typeKey: 'InvalidCacheKeyException' },
    ]);
    const body = JSON.stringify({ keys: [key], version: V });
    const asked = await fetch(`${stand.apiUrl}/v1/cache/lookup`, { method: 'POST', headers: AS_POD, body });
    expect([asked.status, await asked.json()]).toMatchObject([400, { code: 'invalid-cache-key' }]);
  });

  it('of a megabyte are refused where they stand in a URL, and in a body', async () => {
    const huge = '%2e'.repeat(350_000);
    for (const url of [
      `${v1()}/cache?keys=${huge}&version=${V}`,
      `${stand.apiUrl}/v1/cache/entries?key=${huge}`,
    ]) {
      const { status } = await rawRequest(url, head('GET', url, [['authorization', `Bearer ${POD_TOKEN}`]]))
        .closed;
      expect([400, 431]).toContain(status);
    }
    const { status, body } = await stand.twirp('CreateCacheEntry', { key: huge, version: V });
    expect([status, body.code]).toEqual([400, 'invalid_argument']);
    const asked = await fetch(`${stand.apiUrl}/v1/cache/lookup`, {
      method: 'POST',
      headers: AS_POD,
      body: JSON.stringify({ keys: [huge], version: V }),
    });
    expect([asked.status, await asked.json()]).toMatchObject([413, { code: 'body-too-large' }]);
    await expectWork();
  });

  it.each([
    '/v1/cache/entries',
    '/v1/runner/../cache/entries',
    '/v1/runner/..%2fcache%2fentries',
    '/v1/../v1/cache/entries',
    '//v1/cache/entries',
    '/harrier/cache/../../v1/cache/entries',
  ])('and the path %s lead the job to nothing of the api that is not for it', async (path) => {
    const before = stand.seen.length;
    const request = `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
    const { status } = await rawRequest(stand.url, request).closed;
    expect([403, 404]).toContain(status);
    expect(stand.seen.slice(before).filter(({ path: seen }) => seen.includes('entries'))).toEqual([]);
  });
});

describe('sizes', () => {
  const AMISS = [
    -1,
    '-1',
    2 ** 53 + 2,
    '9007199254740993',
    '99999999999999999999',
    1.5,
    '1e3',
    'five',
    true,
    {},
  ];

  it.each(AMISS)('%j is refused by Finalize, which stores nothing', async (size) => {
    const key = `size-${JSON.stringify(size)}`;
    const url = await openUpload(key);
    await fetch(url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: FIVE });
    const answer = await stand.twirp('FinalizeCacheEntryUpload', { key, version: V, size_bytes: size });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: expect.stringMatching(/malformed|invalid_argument/) },
    });
    expect(await lookup(key)).toEqual({ ok: false });
  });

  it.each(AMISS)('%j is refused by the commit of v1 and by the api', async (size) => {
    const reserved = await fetch(`${v1()}/caches`, {
      method: 'POST',
      body: JSON.stringify({ key: `v1-size-${JSON.stringify(size)}`, version: V }),
    });
    const { cacheId } = (await reserved.json()) as { cacheId: number };
    const commit = await fetch(`${v1()}/caches/${cacheId}`, {
      method: 'POST',
      body: JSON.stringify({ size }),
    });
    expect([commit.status, await commit.json()]).toMatchObject([400, { message: expect.any(String) }]);

    const upload = await fetch(`${stand.apiUrl}/v1/cache/uploads`, {
      method: 'POST',
      headers: AS_POD,
      body: JSON.stringify({ key: `api-size-${JSON.stringify(size)}`, version: V, sizeBytes: size }),
    });
    expect([upload.status, await upload.json()]).toMatchObject([422, { code: 'unprocessable-content' }]);
  });

  it.each([-1n, 2n ** 53n + 1n, 2n ** 63n - 1n])('%d in protobuf is refused by Finalize', async (size) => {
    const key = `protobuf-${size}`;
    const url = await openUpload(key);
    await fetch(url, { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: FIVE });
    const body = new BinaryWriter()
      .tag(2, WireType.LengthDelimited)
      .string(key)
      .tag(3, WireType.Varint)
      .int64(size)
      .tag(4, WireType.LengthDelimited)
      .string(V)
      .finish();
    const answer = await fetch(`${stand.url}${CACHE_SERVICE}/FinalizeCacheEntryUpload`, {
      method: 'POST',
      headers: { 'content-type': 'application/protobuf' },
      body: Buffer.from(body),
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: expect.any(String) }]);
    expect(await lookup(key)).toEqual({ ok: false });
  });
});

describe('headers given twice', () => {
  const twice = (name: string, one: string, other = one) => [[name, one] as const, [name, other] as const];

  it.each([
    ['Content-Length', twice('content-length', '5', '6'), '12345'],
    [
      'Content-Length and Transfer-Encoding',
      [
        ['content-length', '5'],
        ['transfer-encoding', 'chunked'],
      ] as const,
      '0\r\n\r\n',
    ],
    [
      'the type of the blob',
      [...twice('x-ms-blob-type', 'BlockBlob'), ['content-length', '5'] as const],
      '12345',
    ],
  ])('%s: refused, and nothing stored', async (what, headers, body) => {
    const key = `twice ${what}`;
    const url = await openUpload(key);
    const { status } = await rawRequest(url, head('PUT', url, headers) + body).closed;
    expect(status).toBe(400);
    expect(await stand.twirp('FinalizeCacheEntryUpload', { key, version: V, size_bytes: 5 })).toMatchObject({
      status: 400,
    });
  });

  it('two ranges: refused', async () => {
    await save(stand, 'twice-ranged', V, Buffer.from('0123456789'));
    const url = String((await lookup('twice-ranged')).signed_download_url);
    const { status } = await rawRequest(url, head('GET', url, twice('x-ms-range', 'bytes=0-1', 'bytes=2-3')))
      .closed;
    expect(status).toBe(400);
  });

  it('two bearers: the api takes neither', async () => {
    const url = `${stand.apiUrl}/v1/cache/entries`;
    const bearers = twice('authorization', `Bearer ${POD_TOKEN}`, 'Bearer other');
    const { status } = await rawRequest(url, head('GET', url, bearers)).closed;
    expect([200, 400, 401]).toContain(status);
  });
});

describe('JSON', () => {
  const deep = (open: string, close: string) => open.repeat(10_000) + close.repeat(10_000);

  it.each([
    ['deep arrays', deep('[', ']')],
    ['deep objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['deep arrays where a key should be', `{"version":"${V}","key":${deep('[', ']')}}`],
    ['a prototype', `{"__proto__":{"key":"k"},"version":"${V}"}`],
    ['two keys', `{"key":"a","key":7,"version":"${V}"}`],
    ['a text that does not end', '{"key":"'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ])('of %s is a bad request in each protocol', async (_what, body) => {
    const type = { 'content-type': 'application/json' };
    const requests: [string, Record<string, string>, string][] = [
      [`${stand.url}${CACHE_SERVICE}/CreateCacheEntry`, type, 'code'],
      [`${v1()}/caches`, type, 'typeKey'],
      [`${stand.apiUrl}/v1/cache/uploads`, AS_POD, 'code'],
    ];
    for (const [url, headers, field] of requests) {
      const answer = await fetch(url, { method: 'POST', headers, body });
      expect([400, 422], url).toContain(answer.status);
      expect((await answer.json()) as object).toHaveProperty(field);
    }
    await expectWork();
  });

  it.each([
    undefined,
    '',
    'text/plain',
    'application/jsonp',
    'application/grpc',
    'multipart/form-data; boundary=x',
    'a'.repeat(5000),
  ])('of the type %.40s is none of the cache service', async (type) => {
    const url = `${stand.url}${CACHE_SERVICE}/GetCacheEntryDownloadURL`;
    const headers = type === undefined ? [] : [['content-type', type] as const];
    const { status, text } = await rawRequest(
      url,
      `${head('POST', url, [...headers, ['content-length', '2']])}{}`,
    ).closed;
    expect(status).toBe(404);
    expect(text).toContain('"code":"bad_route"');
  });
});
