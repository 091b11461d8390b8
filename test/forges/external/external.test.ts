import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { listedHosts } from '../../../src/egress/allowed_hosts.ts';
import { HOOK, HOOK_WINDOW_SECONDS } from '../../../src/forges/external/contract.ts';
import { openExternal } from '../../../src/forges/external/open.ts';
import { verifyExternalWebhook } from '../../../src/forges/external/webhook.ts';
import type { Forge, ForgeSettings } from '../../../src/forges/forge.ts';
import { createForgeHttp } from '../../../src/forges/http/create_forge_http.ts';
import { poolForge } from '../../../src/resources/pool_forge.ts';
import { conformance } from '../conformance.ts';
import { opened } from '../opened.ts';
import { startBetween, startWire, type Wire } from '../wire.ts';
import { type ExampleForge, startExampleForge } from './example_forge.ts';

const SECRET = randomBytes(32).toString('hex');
const WEBHOOK_SECRET = randomBytes(32).toString('hex');
const PATIENCE = { timeout: 30_000, interval: 50 };
/** Of what processes of their own do, on a busy machine. */
const SLOW = { timeout: 120_000 };
const PREFIX = 'harrier-0d5c3ea07c55-';

let example: ExampleForge;
/** Between Harrier and the example: it lets a test answer in the example's place. */
let between: Wire;
let webhooks: Wire;
let forge: Forge;
let folder: string;
const filesOf = new Map<string, Readonly<Record<string, string>>>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-external-'));
  webhooks = await startWire(() => ({ status: 202 }));
  example = await startExampleForge({ SECRET, HARRIER_WEBHOOK: webhooks.url, WEBHOOK_SECRET });
  between = await startBetween(new URL(example.hook).origin);
  const opener = opened({ type: 'external', url: `${between.url}/harrier` }, { secret: SECRET });
  forge = {
    ...opener,
    async join(runner) {
      const joining = await opener.join(runner);
      filesOf.set(joining.record.id, joining.files);
      return joining;
    },
  };
}, SLOW.timeout);
afterAll(async () => {
  await forge?.close();
  await example?.stop();
  await between?.close();
  await webhooks?.close();
  await rm(folder, { recursive: true });
});

const stateOf = async (id: string) => (await forge.list('')).find((one) => one.id === id)?.state;

/** As the join container and the image would: the runner's files in its folder, then its program. */
async function connect(id: string) {
  const runner = await example.startRunner(filesOf.get(id) ?? {});
  await vi.waitFor(async () => expect(await stateOf(id)).toBe('Idle'), PATIENCE);
  return runner;
}

conformance(() => ({
  forge,
  queueJobs: async (count) => {
    for (let index = 0; index < count; index += 1) await example.queue('true');
    await example.queue('true', ['linux', 'gpu']);
  },
  connect: async (id) => void (await connect(id)),
  moreThanAPage: 3,
  answerNext: between.answerNext,
  secrets: [SECRET],
}));

test('each job runs in a runner of its own, which finds nothing of what it joined with', SLOW, async () => {
  const labels = ['e2e'];
  const jobs = [];
  for (const name of ['one', 'two'])
    jobs.push(await example.queue(`echo ${name}; ls "$HARRIER_JOIN_DIR" | wc -l`, ['e2e']));
  expect(await forge.queued(labels)).toBe(2);
  for (const [index, id] of jobs.entries()) {
    const { record } = await forge.join({ name: `${PREFIX}linux-${index}`, labels });
    const runner = await example.startRunner(filesOf.get(record.id) ?? {});
    const code = await new Promise((resolve) => runner.once('exit', resolve));
    expect(code).toBe(0);
    const job = await example.job(id);
    expect(job).toMatchObject({ state: 'succeeded', runner: record.name });
    expect(job.output?.split(/\s+/).filter(Boolean)).toEqual([['one', 'two'][index], '0']);
    expect(await stateOf(record.id)).toBeUndefined();
  }
  expect(await forge.queued(labels)).toBe(0);
});

test('a busy runner is listed as such and kept, until its job has ended', SLOW, async () => {
  const { record } = await forge.join({ name: `${PREFIX}linux-busy`, labels: ['slow'] });
  const runner = await connect(record.id);
  const end = join(folder, 'end');
  await example.queue(`until [ -e '${end}' ]; do sleep 0.1; done`, ['slow']);
  await vi.waitFor(async () => expect(await stateOf(record.id)).toBe('Busy'), PATIENCE);
  await expect(forge.remove(record.id)).rejects.toMatchObject({ reason: 'Refused' });
  const ended = new Promise((resolve) => runner.once('exit', resolve));
  await writeFile(end, '');
  await ended;
  await forge.remove(record.id);
});

test('a runner that is removed while it waits ends', SLOW, async () => {
  const { record } = await forge.join({ name: `${PREFIX}linux-removed`, labels: ['nothing'] });
  const runner = await connect(record.id);
  const ended = new Promise((resolve) => runner.once('exit', resolve));
  await forge.remove(record.id);
  expect(await ended).not.toBe(0);
});

test('joining again under the same name is the same record with material of its own', async () => {
  const runner = { name: `${PREFIX}linux-again`, labels: ['linux'] };
  const [first, second] = [await forge.join(runner), await forge.join(runner)];
  expect(second.record).toEqual(first.record);
  expect(second.files).not.toEqual(first.files);
  await forge.remove(first.record.id);
});

test('a job that is queued is told by a webhook that Harrier takes', SLOW, async () => {
  const before = webhooks.asked.length;
  await example.queue('true', ['gpu']);
  const { headers, body } = await vi.waitFor(() => webhooks.asked[before] ?? Promise.reject(), PATIENCE);
  const delivery = verifyExternalWebhook(headers, Buffer.from(body), WEBHOOK_SECRET);
  expect(delivery).toEqual({ id: headers['webhook-id'], relevant: true });
  expect(() => verifyExternalWebhook(headers, Buffer.from(`${body} `), WEBHOOK_SECRET)).toThrow(/signature/);
});

test('the example takes no request with another secret, and no old one', async () => {
  const other = opened({ type: 'external', url: example.hook }, { secret: randomBytes(32).toString('hex') });
  await expect(other.list(PREFIX)).rejects.toMatchObject({ reason: 'Unauthorized' });
  const settings: ForgeSettings = {
    forge: {
      ...poolForge.parse({ type: 'external', url: example.hook, credentialsSecretRef: { name: 'x' } }),
      url: example.hook,
    },
    pool: { namespace: 'ci', name: 'linux', uid: 'u' },
    secret: { secret: SECRET },
  };
  const http = createForgeHttp({ ...settings, allowed: listedHosts(['127.0.0.1']) });
  const late = (seconds: number) => openExternal(settings, http, () => new Date(Date.now() - seconds * 1000));
  expect(await late(HOOK_WINDOW_SECONDS - 30).list('nobody')).toEqual([]);
  await expect(late(HOOK_WINDOW_SECONDS + 30).list('nobody')).rejects.toMatchObject({
    reason: 'Unauthorized',
  });
  await Promise.all([other.close(), http.close()]);
});

test('what is asked is what the contract says', async () => {
  between.asked.length = 0;
  const { record } = await forge.join({ name: `${PREFIX}linux-contract`, labels: ['linux'] });
  await forge.list(PREFIX);
  await forge.queued(['linux']);
  await forge.remove(record.id);
  const operations = between.asked.map(({ url, body }) => {
    const operation = url.pathname.split('/').at(-1) as keyof typeof HOOK;
    const asked = HOOK[operation].ask.strict().parse(JSON.parse(body));
    expect(asked.pool).toEqual({
      namespace: 'ci',
      name: 'linux',
      uid: '0d5c3ea0-7c55-4a43-9d5e-2f9e6d1f8a11',
    });
    return operation;
  });
  expect(operations).toEqual(['join', 'list', 'queued', 'remove']);
});

test('pages are read to the last one', async () => {
  const runner = (index: number) => ({ id: String(index), name: `${PREFIX}${index}`, state: 'Idle' });
  between.answerNext({ status: 200, body: { runners: [runner(1)], next: 'page-2' } });
  between.answerNext({
    status: 200,
    body: { runners: [runner(2), { ...runner(3), name: 'of-another-pool' }] },
  });
  expect(await forge.list(PREFIX)).toEqual([runner(1), runner(2)]);
  expect(JSON.parse(between.asked.at(-1)?.body ?? '')).toMatchObject({ after: 'page-2' });
});

test('a list without an end is not read for ever', async () => {
  for (let page = 0; page < 100; page += 1)
    between.answerNext({ status: 200, body: { runners: [], next: 'x' } });
  await expect(forge.list(PREFIX)).rejects.toMatchObject({ reason: 'Unreadable' });
});

test.each([{ status: 204 }, { status: 404, body: { title: 'no such record' } }])(
  'what is removed may be answered by %j',
  async (answer) => {
    between.answerNext(answer);
    await forge.remove('7');
  },
);

test('a queue that can’t be known is undefined', async () => {
  between.answerNext({ status: 200, body: { queued: null } });
  expect(await forge.queued(['linux'])).toBeUndefined();
});

test.each([
  [{}, /no key "secret"/],
  [{ secret: 'short' }, /fewer than 16 bytes/],
  [{ secret: `whsec_${randomBytes(8).toString('base64')}` }, /fewer than 16 bytes/],
])('with the Secret %j nothing is asked', (secret, message) => {
  expect(() => opened({ type: 'external', url: between.url }, secret as Record<string, string>)).toThrow(
    message,
  );
});
