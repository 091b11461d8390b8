import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import type { CacheAccess } from '../../../src/cache/scope.ts';
import { lookupAnswer } from '../../../src/protocol/cache.ts';
import { type ProblemDetails, problemDetails } from '../../../src/protocol/problem.ts';
import type { Api } from '../../../src/runtime/server.ts';
import { buildCacheApi } from '../../support/cache_api.ts';

const version = 'a1b2c3';
const readWrite = (tenant: string, ...names: string[]): CacheAccess => ({
  enabled: true,
  tenant,
  pool: 'runners/pool',
  scopes: names.map((name) => ({ name, permission: 'ReadWrite' })),
});
const callers: Record<string, CacheAccess> = {
  main: readWrite('acme/app', 'main'),
  branch: {
    enabled: true,
    tenant: 'acme/app',
    pool: 'runners/pool',
    scopes: [
      { name: 'branch', permission: 'ReadWrite' },
      { name: 'main', permission: 'Read' },
    ],
  },
  stranger: readWrite('evil/app', 'main'),
  reader: { ...readWrite('acme/app'), scopes: [{ name: 'main', permission: 'Read' }] },
  writer: { ...readWrite('acme/app'), scopes: [{ name: 'main', permission: 'Write' }] },
  without: { ...readWrite('acme/app', 'main'), enabled: false },
};

let folder: string;
let cache: Cache;
let api: Api;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-cache-'));
  cache = await openCache({ dataDir: folder, clock: Date.now, log: pino({ level: 'silent' }) });
  api = await buildCacheApi(cache, callers);
});

afterEach(async () => {
  await api.close();
  await cache.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows which answer it asked for
  json: any;
}

async function ask(
  caller: string,
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  body?: object,
): Promise<Answer> {
  const answer = await api.inject({
    method,
    url,
    headers: { authorization: `Bearer ${caller}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, json: answer.body === '' ? undefined : answer.json() };
}

const reserve = (caller: string, key: string) => ask(caller, 'POST', '/v1/cache/uploads', { key, version });
const lookup = (caller: string, ...keys: string[]) =>
  ask(caller, 'POST', '/v1/cache/lookup', { keys, version });

async function put(caller: string, uploadId: string, number: number, text: string): Promise<void> {
  const { json } = await ask(caller, 'POST', `/v1/cache/uploads/${uploadId}/parts`, {
    parts: [{ number, sizeBytes: text.length }],
  });
  const answer = await api.inject({ method: 'PUT', url: json.parts[0].url, payload: text });
  expect(answer.statusCode).toBe(201);
}
const commit = (caller: string, uploadId: string, sizeBytes: number, parts: number[]) =>
  ask(caller, 'POST', `/v1/cache/uploads/${uploadId}/commit`, { sizeBytes, parts });

async function save(caller: string, key: string, text = key): Promise<void> {
  const { json } = await reserve(caller, key);
  await put(caller, json.uploadId, 1, text);
  expect((await commit(caller, json.uploadId, text.length, [1])).status).toBe(200);
}

function expectProblem(answer: Answer, status: number, code: string): ProblemDetails {
  expect(answer).toMatchObject({ status, json: { status, code } });
  return problemDetails.parse(answer.json);
}

async function restored(caller: string, ...keys: string[]): Promise<string> {
  const { json } = await lookup(caller, ...keys);
  return (await api.inject({ method: 'GET', url: json.url })).body;
}

it('saves in one runner and restores in another', async () => {
  const reserved = await reserve('main', 'npm-linux-1');
  expect(reserved).toMatchObject({ status: 201, json: { scope: 'main' } });
  const { uploadId } = reserved.json;
  expect((await lookup('main', 'npm-linux-1')).json).toEqual({ hit: false });
  await put('main', uploadId, 7, 'world');
  await put('main', uploadId, 3, 'hello ');
  const done = await commit('main', uploadId, 11, [3, 7]);
  expect(done).toMatchObject({ status: 200, json: { sizeBytes: 11 } });
  expect(done.json.entryId).toMatch(/^\d+$/);

  const found = await lookup('branch', 'npm-linux-2', 'npm-');
  expect(lookupAnswer.parse(found.json)).toMatchObject({
    hit: true,
    key: 'npm-linux-1',
    scope: 'main',
    version,
    sizeBytes: 11,
  });
  expect(await restored('branch', 'npm-')).toBe('hello world');
});

describe('look-up order', () => {
  // What is saved, as scope:key, oldest first; what is asked for by the branch, whose scopes are branch, then main.
  it.each<[string, string[], string[], string | undefined]>([
    ['exact before a longer key', ['branch:npm', 'branch:npm-2'], ['npm'], 'branch:npm'],
    ['prefix of the key, newest first', ['branch:npm-1', 'branch:npm-2'], ['npm'], 'branch:npm-2'],
    ['the newest, not the greatest', ['branch:npm-9', 'branch:npm-1'], ['npm'], 'branch:npm-1'],
    ['key as a prefix before restore keys', ['branch:a-1', 'branch:b'], ['a', 'b'], 'branch:a-1'],
    ['restore keys in order', ['branch:b-1', 'branch:c-1'], ['a', 'b', 'c'], 'branch:b-1'],
    [
      'an exact restore key before a longer, newer one',
      ['branch:npm-linux', 'branch:npm-linux-x'],
      ['npm-linux-abc', 'npm-linux'],
      'branch:npm-linux',
    ],
    [
      'the own scope by restore key before an exact hit elsewhere',
      ['branch:np', 'main:npm'],
      ['npm', 'np'],
      'branch:np',
    ],
    ['the next scope when the own has nothing', ['main:npm-1', 'branch:yarn'], ['npm'], 'main:npm-1'],
    ['no key that the asked one begins with', ['branch:npm'], ['npm-1'], undefined],
    ['no wildcard', ['branch:npm-1'], ['np%', 'n_m'], undefined],
    ['no other case', ['branch:npm'], ['NPM'], undefined],
    ['nothing', [], ['npm'], undefined],
  ])('%s', async (_what, saved, keys, expected) => {
    for (const one of saved) {
      const [scope = '', key = ''] = one.split(':');
      await save(scope, key, one);
    }
    const { json } = await lookup('branch', ...keys);
    expect(json.hit ? await restored('branch', ...keys) : undefined).toBe(expected);
  });
});

describe('immutability', () => {
  it('lets one of a hundred concurrent saves of a key win', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => reserve('main', 'npm')));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(99);
  });

  it('refuses a key that is saved, whatever was said about its size', async () => {
    await save('main', 'npm');
    expectProblem(
      await ask('main', 'POST', '/v1/cache/uploads', { key: 'npm', version, sizeBytes: 1 }),
      409,
      'cache-entry-exists',
    );
    expect((await reserve('branch', 'npm')).status).toBe(201);
  });

  it('answers a repeated commit alike, and refuses a different one', async () => {
    const { uploadId } = (await reserve('main', 'npm')).json;
    await put('main', uploadId, 1, 'abc');
    await put('main', uploadId, 2, 'abc');
    const both = await Promise.all([
      commit('main', uploadId, 6, [1, 2]),
      commit('main', uploadId, 6, [1, 2]),
    ]);
    expect(both[1]).toEqual(both[0]);
    expect(both[0]?.status).toBe(200);
    expectProblem(await commit('main', uploadId, 6, [2, 1]), 409, 'cache-entry-exists');
    expectProblem(await commit('main', uploadId, 3, [1]), 409, 'cache-entry-exists');
  });

  it('has a key free again when its reservation is given back', async () => {
    const { uploadId } = (await reserve('main', 'npm')).json;
    await put('main', uploadId, 1, 'abc');
    expect((await ask('main', 'DELETE', `/v1/cache/uploads/${uploadId}`)).status).toBe(204);
    expectProblem(await ask('main', 'DELETE', `/v1/cache/uploads/${uploadId}`), 404, 'not-found');
    expectProblem(await commit('main', uploadId, 3, [1]), 404, 'not-found');
    const files = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile())).toEqual([]);
    await save('main', 'npm');
  });
});

describe('bad input stores nothing', () => {
  it.each([
    ['513 characters', 'k'.repeat(513)],
    ['1 MB of escapes', '%2e'.repeat(10_000)],
    ['a comma', 'a,b'],
    ['nothing', ''],
    ['a NUL', 'a\0b'],
    ['half a character', 'a\ud800'],
  ])('a key of %s', async (_what, key) => {
    expectProblem(await reserve('main', key), 400, 'invalid-cache-key');
    expectProblem(await lookup('main', 'good', key), 400, 'invalid-cache-key');
    expect((await ask('main', 'GET', '/v1/cache/entries')).json.totalCount).toBe(0);
  });

  it.each([
    'k'.repeat(512),
    '../../etc/passwd',
    '%2e%2e/',
    'a b\n',
    "'; DROP TABLE entries",
    'caf\u00e9',
    '🦅',
  ])('but %j is a key like any other', async (key) => {
    await save('main', key, 'bytes');
    expect(await restored('main', key)).toBe('bytes');
  });

  it('keeps keys of different Unicode normal forms apart', async () => {
    await save('main', 'caf\u00e9', 'composed');
    await save('main', 'cafe\u0301', 'decomposed');
    expect(await restored('main', 'caf\u00e9')).toBe('composed');
    expect(await restored('main', 'cafe\u0301')).toBe('decomposed');
  });

  it.each(['', 'xyz', 'a1 ', '0x12', '-1', 'a'.repeat(129)])('a version %j', async (bad) => {
    expectProblem(
      await ask('main', 'POST', '/v1/cache/uploads', { key: 'k', version: bad }),
      400,
      'invalid-cache-version',
    );
    expectProblem(
      await ask('main', 'POST', '/v1/cache/lookup', { keys: ['k'], version: bad }),
      400,
      'invalid-cache-version',
    );
  });

  it.each<[string, number, number[], string]>([
    ['no parts', 0, [], 'cache-empty-commit'],
    ['no parts but a size', 6, [], 'cache-empty-commit'],
    ['a part never offered', 6, [1, 9], 'cache-unknown-part'],
    ['a part offered but not sent', 9, [1, 3], 'cache-unknown-part'],
    ['a total too small', 5, [1, 2], 'cache-size-mismatch'],
    ['a total too large', 7, [1, 2], 'cache-size-mismatch'],
    ['a total of 0', 0, [1], 'cache-size-mismatch'],
  ])('a commit of %s', async (_what, sizeBytes, parts, code) => {
    const { uploadId } = (await reserve('main', 'npm')).json;
    await put('main', uploadId, 1, 'abc');
    await put('main', uploadId, 2, 'def');
    await ask('main', 'POST', `/v1/cache/uploads/${uploadId}/parts`, {
      parts: [{ number: 3, sizeBytes: 6 }],
    });
    expectProblem(await commit('main', uploadId, sizeBytes, parts), 400, code);
    expect((await lookup('main', 'npm')).json).toEqual({ hit: false });
    expect((await commit('main', uploadId, 6, [2, 1])).status).toBe(200);
    expect(await restored('main', 'npm')).toBe('defabc');
  });

  it.each<[string, string, object]>([
    ['a negative size', '/commit', { sizeBytes: -1, parts: [1] }],
    ['a size beyond 2^53', '/commit', { sizeBytes: 2 ** 53 + 2, parts: [1] }],
    ['a part number of 0', '/commit', { sizeBytes: 1, parts: [0] }],
    ['an offer of nothing', '/parts', { parts: [] }],
    ['a part of no bytes', '/parts', { parts: [{ number: 1, sizeBytes: 0 }] }],
    ['a tenant of its own choice', '/parts', { parts: [{ number: 1, sizeBytes: 1 }], tenant: 'evil' }],
  ])('a body with %s', async (_what, path, body) => {
    const { uploadId } = (await reserve('main', 'npm')).json;
    const answer = await ask('main', 'POST', `/v1/cache/uploads/${uploadId}${path}`, body);
    expectProblem(answer, 422, 'unprocessable-content');
  });

  it.each(['..', '%2e%2e%2fcache.sqlite', 'nobody', '00000000-0000-4000-8000-000000000000', '%00'])(
    'an upload id %j',
    async (id) => {
      const answer = await commit('main', id, 1, [1]);
      expect([404, 422]).toContain(answer.status);
    },
  );

  it('eleven keys at once', async () => {
    expectProblem(await lookup('main', ...'abcdefghijk'), 422, 'unprocessable-content');
  });
});

describe('what a token may', () => {
  it('is said by the token and hides all other tenants', async () => {
    await save('main', 'npm');
    expect((await lookup('stranger', 'npm')).json).toEqual({ hit: false });
    expect((await ask('stranger', 'GET', '/v1/cache/entries?key=')).json).toEqual({
      totalCount: 0,
      entries: [],
    });
    await save('stranger', 'npm', 'poison');
    expect(await restored('main', 'npm')).toBe('npm');
  });

  it.each(['stranger', 'branch'])("keeps %s off main's open upload", async (other) => {
    const { uploadId } = (await reserve('main', 'npm')).json;
    await put('main', uploadId, 1, 'abc');
    const parts = { parts: [{ number: 1, sizeBytes: 3 }] };
    expectProblem(await ask(other, 'POST', `/v1/cache/uploads/${uploadId}/parts`, parts), 404, 'not-found');
    expectProblem(await commit(other, uploadId, 3, [1]), 404, 'not-found');
    expectProblem(await ask(other, 'DELETE', `/v1/cache/uploads/${uploadId}`), 404, 'not-found');
    expect((await commit('main', uploadId, 3, [1])).status).toBe(200);
  });

  it("keeps a branch from changing what main restores, and main from the branch's", async () => {
    await save('branch', 'npm', 'poison');
    expect((await lookup('main', 'npm')).json).toEqual({ hit: false });
    await save('main', 'npm', 'good');
    expect(await restored('main', 'npm')).toBe('good');
    expect(await restored('branch', 'npm')).toBe('poison');
  });

  it('is named in the words that stock clients know', async () => {
    const write = expectProblem(await reserve('reader', 'npm'), 403, 'permission-denied');
    expect(write.detail).toMatch(/^cache write denied:/);
    const read = expectProblem(await lookup('writer', 'npm'), 403, 'permission-denied');
    expect(read.detail).toMatch(/^cache read denied:/);
    expectProblem(await ask('writer', 'GET', '/v1/cache/entries'), 403, 'permission-denied');
    await save('writer', 'npm');
    expect(await restored('reader', 'npm')).toBe('npm');
  });

  it('is nothing where the pool has no cache', async () => {
    const id = crypto.randomUUID();
    const answers = await Promise.all([
      lookup('without', 'npm'),
      reserve('without', 'npm'),
      commit('without', id, 1, [1]),
      ask('without', 'DELETE', `/v1/cache/uploads/${id}`),
      ask('without', 'GET', '/v1/cache/entries'),
    ]);
    for (const answer of answers) {
      expect(expectProblem(answer, 403, 'permission-denied').detail).toContain('disabled');
    }
  });

  it('is nothing without a token', async () => {
    expectProblem(await lookup('nobody', 'npm'), 401, 'unauthorized');
    expectProblem(await reserve('nobody', 'npm'), 401, 'unauthorized');
  });
});

it('lists entries by the beginning of their keys', async () => {
  await save('main', 'npm-1');
  await save('branch', 'npm-2', 'xy');
  await save('branch', 'yarn');
  const { json } = await ask('branch', 'GET', '/v1/cache/entries?key=npm-');
  expect(json).toMatchObject({
    totalCount: 2,
    entries: [
      { key: 'npm-2', scope: 'branch', version, sizeBytes: 2 },
      { key: 'npm-1', scope: 'main', version, sizeBytes: 5 },
    ],
  });
});
