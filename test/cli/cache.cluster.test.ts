import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EDIT, type ManagementStand, startManagement, tokenFile, VIEW } from '../runtime/management/stand.ts';
import { useCluster } from '../support/cluster.ts';
import { useBundle } from './bundled.ts';
import type { Ended } from './harrier.ts';

const cluster = useCluster();
const bundled = useBundle();
let stand: ManagementStand;
let folder: string;
let editor: string;
let viewer: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-cache-cli-'));
  stand = await startManagement(cluster, { main: bundled.main });
  editor = await tokenFile(folder, await stand.person('editor', stand.ours, EDIT));
  viewer = await tokenFile(folder, await stand.person('viewer', stand.ours, VIEW));
  const app = await stand.saver(stand.ours, 'app', 'acme/app');
  for (const key of ['npm-1', 'npm-2', 'npm-10']) await app.save(key, `bytes of ${key}`);
  const linux = await stand.saver(stand.ours, 'linux');
  await linux.save('pip', 'x'.repeat(2048));
}, 180_000);
afterAll(async () => {
  await stand?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function cache(args: string[], token = editor, more: Record<string, string> = {}): Promise<Ended> {
  const env = { HARRIER_API_URL: stand.api.url, HARRIER_TOKEN_FILE: token, ...more };
  for (let tries = 1; ; tries++) {
    const ended = await bundled.run(args, { program: 'cache', env });
    // A busy api refuses, as it should; whoever asks comes again.
    if (tries === 20 || !/is overloaded; retry|does not answer who this is/.test(ended.err)) return ended;
    await sleep(1_000);
  }
}
const APP = ['--repository', 'acme/app'];

test('ls shows entries as a table, in the order asked for', async () => {
  const { code, out, err } = await cache(['ls', ...APP, '--sort', 'created', '--ascending']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [head, ...rows] = out.trimEnd().split('\n');
  expect(head).toMatch(/^ID +KEY +REF +SIZE +USED +AGE +POOL$/);
  expect(rows.map((row) => row.split(/ {2,}/)[1])).toEqual(['npm-1', 'npm-2', 'npm-10']);
  expect(rows[0]).toMatch(new RegExp(`^\\d+ +npm-1 +default +14 B +\\S+ +\\S+ +${stand.ours}/app$`));
});

test('ls narrows and limits, and says what is left', async () => {
  const { out, err } = await cache(['ls', ...APP, '--key', 'npm-1', '--limit', '1', '--sort', 'created']);
  expect(out).toMatch(/npm-10/);
  expect(err).toBe('1 more: --limit shows them.\n');
});

test('ls -o json is what the api answers', async () => {
  const { out } = await cache(['ls', '--pool', `${stand.ours}/linux`, '-o', 'json'], viewer);
  expect(JSON.parse(out)).toMatchObject({
    total_count: 1,
    actions_caches: [{ key: 'pip', size_in_bytes: 2048 }],
  });
});

test('usage tells of one, and of all', async () => {
  expect((await cache(['usage', ...APP], viewer)).out).toBe('acme/app: 43 B in 3 entries\n');
  const { out } = await cache(['usage'], viewer);
  expect(out).toMatch(/^NAMESPACE +KIND +NAME +HOST +ENTRIES +SIZE\n\S+ +pool +linux +- +1 +2 KiB\n/);
  expect(out).toMatch(/repository +acme\/app +forge\.example\.test +3 +43 B\n$/);
});

test.each<[string, string[], RegExp]>([
  ['nothing named', ['ls'], /whose cache/],
  ['two at once', ['ls', ...APP, '--pool', 'a/b'], /exclude each other/],
  ['no pool', ['ls', '--pool', 'linux'], /NAMESPACE\/NAME/],
  ['a path for a repository', ['ls', '--repository', '../..'], /OWNER\/NAME/],
  ['nothing to remove', ['rm', ...APP], /name ids, or a --key/],
  ['no id', ['rm', ...APP, '../1'], /an id is a number/],
  ['nobody to ask', ['rm', ...APP, '1'], /--yes/],
  ['an option of none', ['ls', '--token', 'x'], /token/],
])('%s is not understood: exit 2', async (_what, args, why) => {
  const { code, out, err } = await cache(args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(why);
});

test.each<[string, Record<string, string>, number, RegExp]>([
  ['no token', { HARRIER_TOKEN_FILE: '', HARRIER_TOKEN: '' }, 1, /can't be read/],
  ['a token that is none', { HARRIER_TOKEN_FILE: '/dev/null' }, 2, /there is no token/],
  [
    'a token with a line break in it',
    { HARRIER_TOKEN_FILE: '/etc/passwd' },
    1,
    /what should be the token is none/,
  ],
  ['nothing at the address', { HARRIER_API_URL: 'http://127.0.0.1:9' }, 1, /does not answer/],
  ['no address', { HARRIER_API_URL: '' }, 2, /where is the api/],
])('%s is told, and no token quoted', async (_what, env, code, why) => {
  const ended = await cache(['ls', ...APP], editor, env);
  expect(ended.code).toBe(code);
  expect(ended.err).toMatch(why);
  expect(ended.err).not.toContain('root:');
});

test('who may only read removes nothing: exit 1, in the words of the api', async () => {
  const { code, err } = await cache(['rm', ...APP, '--key', 'npm-2', '--yes'], viewer);
  expect(code).toBe(1);
  expect(err).toContain('the right to delete runnerpools/caches');
  expect((await cache(['ls', ...APP])).out).toContain('npm-2');
});

test('rm takes that key and no longer one, then an id', async () => {
  const byKey = await cache(['rm', ...APP, '--key', 'npm-1', '--yes']);
  expect(byKey).toMatchObject({ code: 0, out: '1 entry removed\n' });
  const left = JSON.parse((await cache(['ls', ...APP, '-o', 'json'])).out).actions_caches;
  expect(left.map((one: { key: string }) => one.key).sort()).toEqual(['npm-10', 'npm-2']);
  const id = String(left[0].id);
  const byId = await cache(['rm', ...APP, id, '999999', '--yes']);
  expect(byId).toMatchObject({ code: 1, out: `${id} removed\n` });
  expect(byId.err).toContain('999999: There is no such entry.');
  expect((await cache(['rm', ...APP, '--key', 'npm-1', '--yes'])).code).toBe(1);
});

test('verify reads all, tells what is corrupt, and ends with 1 for it', async () => {
  const app = await stand.saver(stand.ours, 'rot', 'acme/rot');
  await app.save('good', 'good bytes');
  await app.save('bad', 'bad bytes');
  const ROT = ['--repository', 'acme/rot'];
  const before = await cache(['verify', ...ROT]);
  expect(before).toMatchObject({
    code: 0,
    out: '2 entries verified, 19 B read: 2 sound, 0 corrupt, 0 unavailable\n',
  });
  expect(before.err).toContain('2 of 2 entries, 19 B of 19 B');
  await spoil('bad bytes');
  const after = await cache(['verify', ...ROT, '-o', 'json']);
  expect(after.code).toBe(1);
  expect(after.err).toContain('bad: corrupt');
  expect(JSON.parse(after.out)).toMatchObject({
    sound: 1,
    corrupt: 1,
    bad: [{ key: 'bad', outcome: 'corrupt' }],
  });
  expect((await cache(['verify', ...ROT])).code).toBe(0);
});

async function spoil(text: string): Promise<void> {
  const files = await readdir(join(stand.dataDir, 'blobs'), { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile())) {
    const path = join(file.parentPath, file.name);
    if ((await readFile(path, 'utf8')) === text) return await writeFile(path, text.toUpperCase());
  }
  throw new Error('no blob has these bytes');
}
