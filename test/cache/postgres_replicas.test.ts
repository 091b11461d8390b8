import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres, whyNoPostgres } from '../../hack/servers/postgres.ts';
import { type Cache, openCache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import type { Api } from '../../src/runtime/server.ts';
import { buildCacheApi } from '../support/cache_api.ts';

const reason = whyNoPostgres();
const access: CacheAccess = {
  enabled: true,
  tenant: 'acme/app',
  pool: 'runners/pool',
  scopes: [{ name: 'main', permission: 'ReadWrite' }],
};
const version = 'a1';
const headers = { authorization: 'Bearer runner' };

let folder: string;
let server: PostgresServer;
let replicas: { cache: Cache; api: Api }[] = [];

beforeAll(async () => {
  if (reason !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'harrier-replicas-'));
  server = await startPostgres({ settings: ['fsync = off'] });
  replicas = await Promise.all([replica(), replica()]);
}, 300_000);

afterAll(async () => {
  for (const { api, cache } of replicas) {
    await api.close();
    await cache.close();
  }
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** Of one index and one store of bytes. */
async function replica(): Promise<{ cache: Cache; api: Api }> {
  const { host, port, database, user, passwordFile } = server;
  const where = { host, port, database, user, passwordFile, schema: 'harrier' };
  const log = pino({ level: 'silent' });
  const postgres = { ...where, tls: 'disable' as const, poolSize: 4 };
  const cache = await openCache({ dataDir: folder, postgres, clock: Date.now, log });
  return { cache, api: await buildCacheApi(cache, { runner: access }) };
}

async function post(turn: number, path: string, payload: object) {
  const url = `/v1/cache/${path}`;
  const answer = await replicas[turn % 2]?.api.inject({ method: 'POST', url, headers, payload });
  if (answer === undefined) throw new Error('no replica');
  return answer;
}
const lookup = (turn: number, key: string) => post(turn, 'lookup', { keys: [key], version });

/** Each step at another replica than the one before. */
async function save(key: string, text: string): Promise<void> {
  const { uploadId } = (await post(0, 'uploads', { key, version })).json();
  const offered = await post(1, `uploads/${uploadId}/parts`, {
    parts: [{ number: 1, sizeBytes: text.length }],
  });
  const put = await replicas[0]?.api.inject({
    method: 'PUT',
    url: offered.json().parts[0].url,
    headers: { 'content-type': 'application/octet-stream' },
    payload: text,
  });
  expect(put?.statusCode).toBe(201);
  const done = await post(1, `uploads/${uploadId}/commit`, { sizeBytes: text.length, parts: [1] });
  expect(done.statusCode).toBe(200);
}

it.skipIf(reason)(`saves and restores over two replicas by turns${reason ? `: ${reason}` : ''}`, async () => {
  await save('npm-1', 'hello');
  for (const turn of [0, 1]) {
    const found = (await lookup(turn, 'npm-')).json();
    expect(found).toMatchObject({ hit: true, key: 'npm-1' });
    // Signed by one, answered by the other.
    expect((await replicas[1 - turn]?.api.inject({ url: found.url }))?.body).toBe('hello');
  }
});

it.skipIf(reason)(
  'answers 503 that says retry while PostgreSQL is away, and goes on when it is back',
  {
    timeout: 120_000,
  },
  async () => {
    await save('npm-2', 'kept');
    const ready = () =>
      replicas[0]?.cache.ready().then(
        () => true,
        () => false,
      );
    await server.halt('SIGINT');
    for (const answer of [
      await lookup(0, 'npm-2'),
      await post(0, 'uploads', { key: 'npm-3', version }),
      await post(1, `uploads/${crypto.randomUUID()}/commit`, { sizeBytes: 1, parts: [1] }),
    ]) {
      expect(answer.statusCode).toBe(503);
      expect(answer.headers['retry-after']).toBe('1');
      expect(answer.json()).toMatchObject({ code: 'unavailable', status: 503 });
      expect(answer.body).not.toMatch(/ECONN|127\.0\.0\.1|harrier-postgres/);
    }
    expect(await ready()).toBe(false);
    await server.resume();
    await expect.poll(ready, { timeout: 30_000 }).toBe(true);
    expect((await lookup(1, 'npm-2')).json()).toMatchObject({ hit: true, key: 'npm-2' });
    await save('npm-3', 'afterwards');
  },
);
