import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { managedCaches } from '../../../src/protocol/management.ts';
import { useCluster } from '../../support/cluster.ts';
import { EDIT, type ManagementStand, startManagement, VIEW } from './stand.ts';

const cluster = useCluster();
let stand: ManagementStand;
let viewer: string;
let editor: string;
let stranger: string;

const REPO = '/repos/acme/app/actions';

beforeAll(async () => {
  stand = await startManagement(cluster);
  const { ours, theirs } = stand;
  [viewer, editor, stranger] = await Promise.all([
    stand.person('viewer', ours, VIEW),
    stand.person('editor', ours, EDIT),
    stand.person('stranger', theirs, EDIT),
  ]);
  const [app, other, whole] = [
    await stand.saver(ours, 'app', 'acme/app'),
    await stand.saver(theirs, 'app', 'acme/app'),
    await stand.saver(ours, 'linux'),
  ];
  await app.save('npm-1', 'a');
  await app.save('npm-2', 'bb');
  await app.save('npm-10', 'cccc');
  await app.save('go-1', 'ddddd');
  await other.save('npm-1', 'theirs');
  await whole.save('pip-1', 'whole');
});
afterAll(() => stand?.stop());

/** A busy api answers 503 with Retry-After, as it should; whoever asks comes again. */
async function ask(token: string | undefined, path: string, method = 'GET') {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  for (let tries = 1; ; tries++) {
    const answer = await fetch(`${stand.api.url}${path}`, { method, headers });
    const text = await answer.text();
    const link = answer.headers.get('link');
    if (answer.status !== 503 || tries === 20)
      return { status: answer.status, link, body: text === '' ? undefined : JSON.parse(text) };
    await sleep(1_000);
  }
}
const keys = (body: unknown) => managedCaches.parse(body).actions_caches.map(({ key }) => key);

describe('list', () => {
  test('answers in the shape of GitHub', async () => {
    const { status, body } = await ask(viewer, `${REPO}/caches`);
    expect(status).toBe(200);
    expect(body.total_count).toBe(4);
    const [newest] = body.actions_caches;
    expect(newest).toEqual({
      id: expect.any(Number),
      ref: 'default',
      key: 'go-1',
      version: 'ab12',
      last_accessed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      size_in_bytes: 5,
      pool: `${stand.ours}/app`,
    });
  });

  test.each([
    ['key=npm-', ['npm-10', 'npm-2', 'npm-1']],
    ['key=npm-1', ['npm-10', 'npm-1']],
    ['key=np%25', []],
    ['ref=default&key=go', ['go-1']],
    ['ref=refs/heads/main', []],
    ['sort=size_in_bytes&direction=asc', ['npm-1', 'npm-2', 'npm-10', 'go-1']],
    ['sort=created_at&direction=asc&per_page=2&page=2', ['npm-10', 'go-1']],
    ['per_page=2&page=9', []],
  ])('by %s', async (query, expected) => {
    const { status, body } = await ask(viewer, `${REPO}/caches?${query}`);
    expect(status).toBe(200);
    expect(keys(body)).toEqual(expected);
  });

  test('says where the other pages are', async () => {
    const { link } = await ask(viewer, `${REPO}/caches?per_page=1&page=2`);
    const rels = [...(link ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, path, rel]) => [rel, path]);
    expect(Object.fromEntries(rels)).toEqual({
      prev: `${REPO}/caches?per_page=1&page=1`,
      next: `${REPO}/caches?per_page=1&page=3`,
      last: `${REPO}/caches?per_page=1&page=4`,
      first: `${REPO}/caches?per_page=1&page=1`,
    });
  });

  test.each(['per_page=101', 'per_page=0', 'page=-1', 'sort=key', 'direction=up', 'key='])(
    'refuses %s',
    async (query) => {
      expect((await ask(viewer, `${REPO}/caches?${query}`)).status).toBe(422);
    },
  );

  test('a pool that serves no single repository has a path of its own', async () => {
    const { body } = await ask(viewer, `/v1/pools/${stand.ours}/linux/actions/caches`);
    expect(keys(body)).toEqual(['pip-1']);
    const usage = await ask(viewer, `/v1/pools/${stand.ours}/linux/actions/cache/usage`);
    expect(usage.body).toEqual({
      full_name: `${stand.ours}/linux`,
      active_caches_size_in_bytes: 5,
      active_caches_count: 1,
    });
  });
});

test('usage is told of a repository, and of all that one may read', async () => {
  expect((await ask(viewer, `${REPO}/cache/usage`)).body).toEqual({
    full_name: 'acme/app',
    active_caches_size_in_bytes: 12,
    active_caches_count: 4,
  });
  const host = 'forge.example.test';
  expect((await ask(viewer, '/v1/caches/usage')).body.usage).toEqual([
    { namespace: stand.ours, kind: 'repository', name: 'acme/app', host, entries: 4, sizeBytes: 12 },
    { namespace: stand.ours, kind: 'pool', name: 'linux', entries: 1, sizeBytes: 5 },
  ]);
});

describe('a token', () => {
  test('of another namespace sees none of ours, and deletes none', async () => {
    const listed = await ask(stranger, `${REPO}/caches`);
    expect(listed.body.actions_caches.map((one: { pool: string }) => one.pool)).toEqual([
      `${stand.theirs}/app`,
    ]);
    expect((await ask(stranger, `/v1/pools/${stand.ours}/linux/actions/caches`)).status).toBe(403);
    expect((await ask(stranger, `${REPO}/caches?namespace=${stand.ours}`)).status).toBe(403);
    const [mine] = (await ask(viewer, `${REPO}/caches`)).body.actions_caches;
    expect((await ask(stranger, `${REPO}/caches/${mine.id}`, 'DELETE')).status).toBe(404);
    expect((await ask(stranger, `${REPO}/caches/${mine.id}/verify`, 'POST')).status).toBe(404);
    expect((await ask(viewer, `${REPO}/caches`)).body.total_count).toBe(4);
  });

  test('that may only read removes nothing', async () => {
    const [mine] = (await ask(viewer, `${REPO}/caches`)).body.actions_caches;
    for (const path of [`${REPO}/caches/${mine.id}`, `${REPO}/caches?key=go-1`])
      expect(await ask(viewer, path, 'DELETE')).toMatchObject({
        status: 403,
        body: { code: 'permission-denied' },
      });
    expect((await ask(viewer, `${REPO}/caches/${mine.id}/verify`, 'POST')).status).toBe(403);
  });

  test.each([
    ['none', undefined],
    ['garbage', 'not.a.token'],
    [
      'a JWT of nobody',
      `${['{"alg":"none"}', '{"aud":"harrier-management"}'].map((one) => Buffer.from(one).toString('base64url')).join('.')}.x`,
    ],
  ])('that is %s is refused', async (_what, token) => {
    for (const path of [`${REPO}/caches`, '/v1/overview', '/v1/caches/usage'])
      expect(await ask(token, path)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  test('of another audience is refused, be it of an admin', async () => {
    const other = await stand.person('elsewhere', stand.ours, EDIT, 'harrier');
    expect((await ask(other, `${REPO}/caches`)).status).toBe(401);
    const ofApiserver = await stand.person('plain', stand.ours, EDIT, 'https://kubernetes.default.svc');
    expect((await ask(ofApiserver, `${REPO}/caches`)).status).toBe(401);
  });

  test('without any right is told so', async () => {
    const nobody = await stand.person('nobody', stand.ours, []);
    for (const path of [`${REPO}/caches`, '/v1/overview', '/v1/caches/usage'])
      expect(await ask(nobody, path)).toMatchObject({ status: 403, body: { code: 'permission-denied' } });
  });

  test('of an account that is gone is refused within seconds', { timeout: 120_000 }, async () => {
    const leaving = await stand.person('leaving', stand.ours, VIEW);
    expect((await ask(leaving, `${REPO}/caches`)).status).toBe(200);
    await cluster.kubectl('delete', 'serviceaccount', 'leaving', '--namespace', stand.ours);
    await expect
      .poll(async () => (await ask(leaving, `${REPO}/caches`)).status, { timeout: 60_000, interval: 500 })
      .toBe(401);
  });

  test('whose right is taken away has it no longer within seconds', { timeout: 120_000 }, async () => {
    const losing = await stand.person('losing', stand.ours, VIEW);
    expect((await ask(losing, `${REPO}/caches`)).status).toBe(200);
    await cluster.kubectl('delete', 'rolebinding', 'losing', '--namespace', stand.ours);
    await expect
      .poll(async () => (await ask(losing, `${REPO}/caches`)).status, { timeout: 60_000, interval: 500 })
      .toBe(403);
  });

  test('is in no log', () => {
    for (const token of [viewer, editor, stranger])
      expect(stand.api.logged()).not.toContain(token.split('.')[2]);
  });
});

describe('verify', () => {
  test('finds an entry whose bytes have changed, and takes it out of use', async () => {
    const rotten = await stand.saver(stand.ours, 'rot', 'acme/rot');
    await rotten.save('good', 'these bytes stay as they are');
    await rotten.save('bad', 'these bytes will change soon');
    const path = '/repos/acme/rot/actions/caches';
    const caches = managedCaches.parse((await ask(editor, path)).body).actions_caches;
    const idOf = (key: string) => caches.find((one) => one.key === key)?.id;
    expect(await ask(editor, `${path}/${idOf('good')}/verify`, 'POST')).toMatchObject({
      status: 200,
      body: { outcome: 'sound', size_in_bytes: 28 },
    });
    await rot(stand.dataDir, 'these bytes will change soon');
    expect(await ask(editor, `${path}/${idOf('bad')}/verify`, 'POST')).toMatchObject({
      status: 200,
      body: { outcome: 'corrupt' },
    });
    expect(keys((await ask(editor, path)).body)).toEqual(['good']);
    expect(await rotten.lookup('bad')).toBe(false);
    expect(await rotten.lookup('good')).toBe(true);
    expect((await ask(editor, `${path}/${idOf('bad')}/verify`, 'POST')).status).toBe(404);
  });
});

describe('remove', () => {
  test('by id takes the entry and its bytes', async () => {
    const before = managedCaches.parse((await ask(editor, `${REPO}/caches?key=go-1`)).body).actions_caches;
    const path = `${REPO}/caches/${before[0]?.id}`;
    expect((await ask(editor, path, 'DELETE')).status).toBe(204);
    expect((await ask(editor, path, 'DELETE')).status).toBe(404);
    expect(keys((await ask(editor, `${REPO}/caches`)).body)).not.toContain('go-1');
    expect(await blobWith(stand.dataDir, 'ddddd')).toBeUndefined();
  });

  test('by key takes that key and no longer one, of our namespace alone', async () => {
    const removed = await ask(editor, `${REPO}/caches?key=npm-1`, 'DELETE');
    expect(removed).toMatchObject({ status: 200, body: { total_count: 1 } });
    expect(keys(removed.body)).toEqual(['npm-1']);
    expect(keys((await ask(editor, `${REPO}/caches`)).body)).toEqual(['npm-10', 'npm-2']);
    expect((await ask(stranger, `${REPO}/caches`)).body.total_count).toBe(1);
    expect((await ask(editor, `${REPO}/caches?key=npm-1`, 'DELETE')).status).toBe(404);
    expect((await ask(editor, `${REPO}/caches?key=npm-2&ref=refs/heads/x`, 'DELETE')).status).toBe(404);
    expect((await ask(editor, `${REPO}/caches`, 'DELETE')).status).toBe(422);
  });

  test('is told in the log with who did it, and frees the key', async () => {
    // The log comes by a pipe, and may be a moment behind the answers.
    await expect
      .poll(() => stand.api.logged(), { timeout: 30_000 })
      .toContain(`system:serviceaccount:${stand.ours}:editor`);
    const app = await stand.saver(stand.ours, 'app', 'acme/app');
    await app.save('npm-1', 'again');
    expect(await app.lookup('npm-1')).toBe(true);
  });
});

test('the overview shows pools, runners and caches of what one may see', async () => {
  const { body } = await ask(viewer, '/v1/overview');
  expect(body.user).toBe(`system:serviceaccount:${stand.ours}:viewer`);
  expect(body.namespaces).toEqual([stand.ours]);
  const pool = body.pools.find((one: { name: string }) => one.name === 'linux');
  expect(pool).toMatchObject({ namespace: stand.ours, desired: 3, runners: { states: { Idle: 1 } } });
  expect(pool.runners.shown).toMatchObject([{ state: 'Idle', joined: 'pod' }]);
  expect(body.pools.find((one: { name: string }) => one.name === 'app').repository).toBe('acme/app');
  expect(JSON.stringify(body)).not.toContain(stand.theirs);
  const hits = body.hits.steps.reduce((sum: number, one: { hits: number }) => sum + one.hits, 0);
  expect(hits).toBeGreaterThan(0);
});

test('whoever may see pools alone sees no runner and no cache', async () => {
  const some = await stand.person('pools', stand.ours, [{ resources: ['runnerpools'], verbs: ['list'] }]);
  const { body } = await ask(some, '/v1/overview');
  expect(body.pools.length).toBeGreaterThan(0);
  expect(body.pools.every((one: object) => !('runners' in one))).toBe(true);
  expect(body).toMatchObject({ usage: [], hits: { steps: [] } });
  expect((await ask(some, `${REPO}/caches`)).status).toBe(403);
});

async function blobWith(dataDir: string, text: string): Promise<string | undefined> {
  const files = await readdir(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    if (file.isFile() && (await readFile(path, 'utf8')) === text) return path;
  }
  return undefined;
}

/** Changes one byte of the stored part with this content. */
async function rot(dataDir: string, text: string): Promise<void> {
  const path = await blobWith(dataDir, text);
  if (path === undefined) throw new Error('no blob has these bytes');
  await writeFile(path, text.replace('t', 'T'));
}
