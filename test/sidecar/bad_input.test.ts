import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stand, save, startStand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.close());

const V = 'abc123';
const FIVE = Buffer.from('12345');

async function openUpload(key: string): Promise<string> {
  const { status, body } = await stand.twirp('CreateCacheEntry', { key, version: V });
  expect(status).toBe(200);
  return String(body.signed_upload_url);
}

function put(url: string, body: Buffer | string, headers: Record<string, string> = {}) {
  return fetch(url, { method: 'PUT', headers, body });
}

function blockList(...ids: string[]): string {
  return `<?xml version="1.0" encoding="utf-8"?><BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
}

async function expectNothingStored(key: string): Promise<void> {
  const found = await stand.twirp('GetCacheEntryDownloadURL', { key, version: V });
  expect(found).toEqual({ status: 200, body: { ok: false } });
}

describe('v2', () => {
  const refusedKeys: [string, Record<string, unknown>, string][] = [
    ['a key over 512 characters', { key: 'k'.repeat(513), version: V }, 'invalid_argument'],
    ['a key with a comma', { key: 'a,b', version: V }, 'invalid_argument'],
    ['an empty key', { key: '', version: V }, 'invalid_argument'],
    ['a version that is not hexadecimal', { key: 'k', version: 'xyz' }, 'invalid_argument'],
    ['no version', { key: 'k' }, 'invalid_argument'],
    ['a key of the wrong type', { key: 7, version: V }, 'malformed'],
  ];
  for (const method of ['CreateCacheEntry', 'GetCacheEntryDownloadURL']) {
    it.each(refusedKeys)(`${method} refuses %s`, async (_what, body, code) => {
      const answer = await stand.twirp(method, body);
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual({ code, msg: expect.any(String) });
    });
  }

  it.each([
    ['not JSON', '{', 400, 'malformed'],
    ['a JSON array', '[]', 400, 'malformed'],
    ['a body over 64 KiB', JSON.stringify({ key: 'k'.repeat(70_000), version: V }), 400, 'invalid_argument'],
  ])('refuses %s', async (_what, body, status, code) => {
    const answer = await stand.twirp('CreateCacheEntry', body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('answers bad_route for a method or a media type that it does not know', async () => {
    expect(await stand.twirp('DeleteEverything', {})).toMatchObject({
      status: 404,
      body: { code: 'bad_route' },
    });
    const answer = await fetch(
      `${stand.url}/twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry`,
      {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      },
    );
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'bad_route' }]);
  });

  it('refuses a size that does not match, stores nothing, and frees the key', async () => {
    const url = await openUpload('wrong-size');
    expect((await put(url, FIVE, { 'x-ms-blob-type': 'BlockBlob' })).status).toBe(201);
    const answer = await stand.twirp('FinalizeCacheEntryUpload', {
      key: 'wrong-size',
      version: V,
      size_bytes: 6,
    });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_argument']);
    await expectNothingStored('wrong-size');
    expect((await save(stand, 'wrong-size', V, FIVE)).body.ok).toBe(true);
  });

  it('refuses a commit of nothing', async () => {
    await openUpload('nothing');
    const answer = await stand.twirp('FinalizeCacheEntryUpload', {
      key: 'nothing',
      version: V,
      size_bytes: '0',
    });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_argument']);
    await expectNothingStored('nothing');
  });

  it('refuses a commit that was never begun', async () => {
    const body = { key: 'never', version: V, size_bytes: '5' };
    expect(await stand.twirp('FinalizeCacheEntryUpload', body)).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });

  it('answers a conflict with 409 already_exists, while it is written and after', async () => {
    await openUpload('twice');
    const conflict = { status: 409, body: { code: 'already_exists', msg: expect.any(String) } };
    expect(await stand.twirp('CreateCacheEntry', { key: 'twice', version: V })).toEqual(conflict);
    expect((await save(stand, 'once', V, FIVE)).body.ok).toBe(true);
    expect(await stand.twirp('CreateCacheEntry', { key: 'once', version: V })).toEqual(conflict);
  });

  it('answers a repeated commit as it did the first one', async () => {
    const first = await save(stand, 'again', V, FIVE);
    expect(first.body).toEqual({ ok: true, entry_id: expect.stringMatching(/^\d+$/) });
    const body = { key: 'again', version: V, size_bytes: '5' };
    expect(await stand.twirp('FinalizeCacheEntryUpload', body)).toEqual(first);
  });
});

describe('block blobs', () => {
  it.each([
    ['an unknown block', blockList('QQ==', 'Wg=='), 'InvalidBlockList'],
    ['a list that is not XML', 'blocks', 'InvalidXmlDocument'],
    ['a list with an entity', '<!DOCTYPE x [<!ENTITY a "b">]><BlockList/>', 'InvalidXmlDocument'],
  ])('refuse %s and store nothing', async (what, xml, code) => {
    const key = `list ${what}`;
    const url = await openUpload(key);
    expect((await put(`${url}&comp=block&blockid=QQ%3D%3D`, FIVE)).status).toBe(201);
    const answer = await put(`${url}&comp=blocklist`, xml);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('x-ms-error-code')).toBe(code);
    expect(await answer.text()).toContain(`<Code>${code}</Code>`);
    const finalize = await stand.twirp('FinalizeCacheEntryUpload', { key, version: V, size_bytes: 5 });
    expect([finalize.status, finalize.body.code]).toEqual([400, 'invalid_argument']);
    await expectNothingStored(key);
  });

  it.each([
    ['an unknown comp', '&comp=page', {}, 400, 'InvalidQueryParameterValue'],
    ['a block without an id', '&comp=block', {}, 400, 'InvalidQueryParameterValue'],
    [
      'a block with a huge id',
      `&comp=block&blockid=${'a'.repeat(200)}`,
      {},
      400,
      'InvalidQueryParameterValue',
    ],
    ['a page blob', '', { 'x-ms-blob-type': 'PageBlob' }, 400, 'InvalidHeaderValue'],
    ['an append before the blob', '&comp=appendblock', {}, 404, 'BlobNotFound'],
  ])('refuse %s', async (what, query, headers, status, code) => {
    const url = await openUpload(`blob ${what}`);
    const answer = await put(`${url}${query}`, FIVE, headers);
    expect([answer.status, answer.headers.get('x-ms-error-code')]).toEqual([status, code]);
  });

  it('are closed without their signature, and open to no other method', async () => {
    const url = await openUpload('signed');
    expect((await put(url.replace(/sig=.*/, 'sig=0'), FIVE)).status).toBe(403);
    expect((await put(url.replace(/\?.*/, ''), FIVE)).status).toBe(403);
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405);
  });
});

describe('v1', () => {
  const base = () => `${stand.url}/_apis/artifactcache`;
  const post = (path: string, body: unknown) =>
    fetch(`${base()}/${path}`, { method: 'POST', body: JSON.stringify(body) });
  const patch = (id: number, range: string, body: Buffer) =>
    fetch(`${base()}/caches/${id}`, { method: 'PATCH', headers: { 'content-range': range }, body });
  const reserve = async (key: string): Promise<number> => {
    const answer = await post('caches', { key, version: V });
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { cacheId: number }).cacheId;
  };

  it.each([
    ['a key over 512 characters', { key: 'k'.repeat(513), version: V }],
    ['a key with a comma', { key: 'a,b', version: V }],
    ['a version that is not hexadecimal', { key: 'k', version: 'sccache-v1' }],
    ['a body without a version', { key: 'k' }],
  ])('refuses to reserve %s', async (_what, body) => {
    const answer = await post('caches', body);
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { typeKey: expect.any(String), message: expect.any(String) },
    ]);
  });

  it('answers a conflict as the clients know it', async () => {
    await reserve('v1-twice');
    const answer = await post('caches', { key: 'v1-twice', version: V });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ typeKey: 'ArtifactCacheItemAlreadyExistsException' });
  });

  it.each([
    ['no range', '', 400],
    ['a reversed range', 'bytes 4-0/*', 400],
    ['a range that is longer than the body', 'bytes 0-9/*', 400],
    ['a range that is shorter than the body', 'bytes 0-2/*', 400],
  ])('refuses a chunk with %s', async (what, range, status) => {
    const id = await reserve(`v1 chunk ${what}`);
    expect((await patch(id, range, FIVE)).status).toBe(status);
    expect((await post(`caches/${id}`, { size: 5 })).status).toBe(400);
    await expectNothingStored(`v1 chunk ${what}`);
  });

  it.each<[string, [string, Buffer][], unknown]>([
    ['a gap', [['bytes 5-9/*', FIVE]], 5],
    [
      'an overlap',
      [
        ['bytes 0-4/*', FIVE],
        ['bytes 3-7/*', FIVE],
      ],
      10,
    ],
    ['another size', [['bytes 0-4/*', FIVE]], 6],
    ['nothing', [], 0],
    ['a size that is no number', [['bytes 0-4/*', FIVE]], 'five'],
  ])('refuses to commit %s', async (what, chunks, size) => {
    const id = await reserve(`v1 commit ${what}`);
    for (const [range, body] of chunks) expect((await patch(id, range, body)).status).toBe(204);
    const answer = await post(`caches/${id}`, { size });
    expect([answer.status, await answer.json()]).toMatchObject([400, { message: expect.any(String) }]);
    await expectNothingStored(`v1 commit ${what}`);
  });

  it('knows no other reservation and no other path', async () => {
    expect((await patch(12345, 'bytes 0-4/*', FIVE)).status).toBe(404);
    expect((await post('caches/12345', { size: 5 })).status).toBe(404);
    expect((await fetch(`${base()}/admin`)).status).toBe(404);
  });
});
