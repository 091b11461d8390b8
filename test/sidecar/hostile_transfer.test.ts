import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_PARTS } from '../../src/protocol/parts.ts';
import { AS_POD, asJob, FIVE, V } from './as_job.ts';
import { head, rawRequest } from './raw_request.ts';
import { CACHE_SERVICE, type Stand, save, startStand } from './stand.ts';

/** In the middle of a request, in milliseconds: longer than a busy machine keeps one waiting that does send. */
const SILENCE = 3_000;

let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ silence: SILENCE });
});
afterAll(() => stand.close());

const { openUpload, lookup, restored, expectWork, files } = asJob(() => stand);
const v1 = () => `${stand.url}/_apis/artifactcache`;

describe('ranges', () => {
  beforeAll(async () => void (await save(stand, 'ranged', V, Buffer.from('0123456789'))));

  const read = async (headers: Record<string, string>) => {
    const { signed_download_url } = await lookup('ranged');
    const answer = await fetch(String(signed_download_url), { headers });
    return [answer.status, answer.status < 300 ? await answer.text() : answer.headers.get('x-ms-error-code')];
  };

  it.each([
    ['bytes=0-0', 206, '0'],
    ['bytes=8-99999999999999999999', 206, '89'],
    ['bytes=-3', 206, '789'],
    ['bytes=10-', 416, 'InvalidRange'],
    ['bytes=99999999999999999999-', 416, 'InvalidRange'],
    ['bytes=-0', 416, 'InvalidRange'],
    // RFC 9110: what is no range, or several, may be passed over.
    ['bytes=5-2', 200, '0123456789'],
    ['bytes=0-4,3-7', 200, '0123456789'],
    [`bytes=${'0-0,'.repeat(2000)}1-1`, 200, '0123456789'],
    ['lines=1-2', 200, '0123456789'],
  ])('as Range, %s', async (range, status, came) => {
    expect(await read({ range })).toEqual([status, came]);
  });

  it.each([
    ['bytes=2-4', 206, '234'],
    ['bytes=7-', 206, '789'],
    ['bytes=10-20', 416, 'InvalidRange'],
    ['bytes=0-4,3-7', 400, 'InvalidHeaderValue'],
    ['bytes=-3', 400, 'InvalidHeaderValue'],
    ['everything', 400, 'InvalidHeaderValue'],
  ])('as x-ms-range, %s', async (range, status, came) => {
    expect(await read({ range: 'bytes=0-0', 'x-ms-range': range })).toEqual([status, came]);
  });

  it.each([
    'bytes 0-999999999999999/*',
    'bytes 0-99999999999999999999/*',
    'bytes -5-0/*',
    'bytes 0-4/*, bytes 5-9/*',
    'bytes 0--1/*',
  ])('of a chunk, %s, are refused', async (range) => {
    const reserved = await fetch(`${v1()}/caches`, {
      method: 'POST',
      body: JSON.stringify({ key: `chunk-${range.replaceAll(',', ';')}`, version: V }),
    });
    const { cacheId } = (await reserved.json()) as { cacheId: number };
    const headers = { 'content-range': range };
    const answer = await fetch(`${v1()}/caches/${cacheId}`, { method: 'PATCH', headers, body: FIVE });
    expect([answer.status, await answer.json()]).toMatchObject([400, { message: expect.any(String) }]);
  });
});

describe('block lists', () => {
  const listOf = (...ids: string[]) =>
    `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
  const put = (url: string, body: string | Buffer) => fetch(url, { method: 'PUT', body });

  const LAUGHS = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join(
    '',
  );
  it.each([
    [
      'an entity bomb',
      `<!DOCTYPE x [<!ENTITY l0 "lol">${LAUGHS}]><BlockList><Latest>&l9;</Latest></BlockList>`,
    ],
    ['an entity without its definition', listOf('QQ==').replace('QQ==', '&file;')],
    [
      'a file',
      '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><BlockList><Latest>&f;</Latest></BlockList>',
    ],
    ['CDATA', listOf('<![CDATA[QQ==]]>')],
    ['a comment', listOf('QQ==').replace('<Latest>', '<!-- --><Latest>')],
    [
      '100,000 elements in each other',
      `<BlockList>${'<Latest>'.repeat(1e5)}${'</Latest>'.repeat(1e5)}</BlockList>`,
    ],
    ['a megabyte of spaces', `${' '.repeat(1e6)}<BlockList>${' '.repeat(1e6)}x`],
    ['a hundred thousand ends', `<BlockList>${'</BlockList> '.repeat(1e5)}x`],
    ['a list in UTF-16', Buffer.from(listOf('QQ=='), 'utf16le')],
    ['nothing at all', ''],
  ])('with %s are refused at once', async (what, xml) => {
    const url = await openUpload(`list with ${what.replaceAll(',', '')}`);
    await put(`${url}&comp=block&blockid=QQ%3D%3D`, FIVE);
    const answer = await put(`${url}&comp=blocklist`, xml);
    expect([answer.status, answer.headers.get('x-ms-error-code')]).toEqual([
      400,
      what.startsWith('an entity without') ? 'InvalidBlockList' : 'InvalidXmlDocument',
    ]);
  });

  it('larger than any real one are refused without being kept', async () => {
    const url = await openUpload('huge-list');
    const answer = await put(`${url}&comp=blocklist`, 'x'.repeat(9 * 1024 * 1024));
    expect([answer.status, answer.headers.get('x-ms-error-code')]).toEqual([413, 'RequestBodyTooLarge']);
  });

  it('of more blocks than the service has are refused', async () => {
    const url = await openUpload('long-list');
    await put(`${url}&comp=block&blockid=QQ%3D%3D`, FIVE);
    const answer = await put(`${url}&comp=blocklist`, listOf(...Array<string>(MAX_PARTS + 1).fill('QQ==')));
    expect([answer.status, answer.headers.get('x-ms-error-code')]).toEqual([400, 'BlockListTooLong']);
  });

  it.each([3, MAX_PARTS])('may name one block %d times', { timeout: 120_000 }, async (times) => {
    const key = `repeated-${times}`;
    const url = await openUpload(key);
    await put(`${url}&comp=block&blockid=QQ%3D%3D`, 'ab');
    expect((await put(`${url}&comp=blocklist`, listOf(...Array<string>(times).fill('QQ==')))).status).toBe(
      201,
    );
    const finalize = { key, version: V, size_bytes: 2 * times };
    const answer = await stand.twirp('FinalizeCacheEntryUpload', finalize);
    expect(answer.body.ok, JSON.stringify(answer)).toBe(true);
    const download = await fetch(String((await lookup(key)).signed_download_url), {
      headers: { range: 'bytes=-5' },
    });
    expect(await download.text()).toBe('babab');
    expect(download.headers.get('content-range')).toMatch(new RegExp(`/${2 * times}$`));
  });
});

describe('slow and broken uploads', () => {
  const begun = async (key: string, length: number) => {
    const url = await openUpload(key);
    const headers = [
      ['content-length', String(length)],
      ['x-ms-blob-type', 'BlockBlob'],
    ] as const;
    return rawRequest(url, `${head('PUT', url, headers)}some`);
  };
  const nothingLeft = async (key: string) => {
    const answer = await stand.twirp('FinalizeCacheEntryUpload', { key, version: V, size_bytes: 4 });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_argument']);
    await expect.poll(files).not.toContainEqual(expect.stringMatching(/\.part$/));
  };

  it('that stop are answered, closed and forgotten, while others are served', {
    timeout: 60_000,
  }, async () => {
    const silent = await Promise.all(Array.from({ length: 40 }, (_, n) => begun(`stops-${n}`, 1000)));
    await expectWork();
    for (const { status, text } of await Promise.all(silent.map(({ closed }) => closed))) {
      expect(status).toBe(408);
      expect(text).toContain('"code":"deadline_exceeded"');
    }
    await nothingLeft('stops-0');
  });

  it('that break off, with a size declared that never comes, leave nothing', {
    timeout: 60_000,
  }, async () => {
    for (const length of [1000, 10 * 1024 ** 4]) {
      const key = `breaks-off-${length}`;
      const request = await begun(key, length);
      await new Promise((resolve) => setTimeout(resolve, 100));
      request.end();
      await request.closed;
      await nothingLeft(key);
    }
    await expectWork();
  });

  it('of messages that stop are closed as well', { timeout: 60_000 }, async () => {
    const url = `${stand.url}${CACHE_SERVICE}/CreateCacheEntry`;
    const headers = [
      ['content-length', '100'],
      ['content-type', 'application/json'],
    ] as const;
    expect((await rawRequest(url, `${head('POST', url, headers)}{"key":`).closed).status).toBe(408);
  });

  it('that trickle are served as long as something comes', { timeout: 60_000 }, async () => {
    const url = await openUpload('trickles');
    const headers = [
      ['content-length', '8'],
      ['x-ms-blob-type', 'BlockBlob'],
    ] as const;
    const request = rawRequest(url, head('PUT', url, headers));
    for (const byte of 'abcdefgh') {
      await new Promise((resolve) => setTimeout(resolve, SILENCE / 6));
      request.write(byte);
    }
    expect((await request.closed).status).toBe(201);
    const answer = await stand.twirp('FinalizeCacheEntryUpload', {
      key: 'trickles',
      version: V,
      size_bytes: 8,
    });
    expect(answer.body.ok).toBe(true);
    expect(await restored('trickles')).toBe('abcdefgh');
  });

  it('straight to the api are closed by its own limit', { timeout: 90_000 }, async () => {
    const post = async (path: string, body: unknown) => {
      const answer = await fetch(`${stand.apiUrl}${path}`, {
        method: 'POST',
        headers: AS_POD,
        body: JSON.stringify(body),
      });
      return (await answer.json()) as { uploadId: string; parts: { url: string }[] };
    };
    const { uploadId } = await post('/v1/cache/uploads', { key: 'straight', version: V });
    const { parts } = await post(`/v1/cache/uploads/${uploadId}/parts`, {
      parts: [{ number: 1, sizeBytes: 1000 }],
    });
    const url = `${stand.apiUrl}${parts[0]?.url}`;
    const request = rawRequest(url, `${head('PUT', url, [['content-length', '1000']])}some`);
    await expectWork();
    await request.closed;
    await expect.poll(files).not.toContainEqual(expect.stringMatching(/\.part$/));
  });
});
