import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WEBHOOKS_SECRET } from '../../../src/resources/group.ts';
import type { RunnerPool } from '../../../src/resources/runner_pool.ts';
import { eventually } from '../../controller/pool_in_cluster.ts';
import { create, poolManifest } from '../../resources/pool_manifest.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ApiProcess, startApi } from '../api_process.ts';
import { type CuttableApiserver, startCuttableApiserver } from '../cuttable_apiserver.ts';
import { asGithub, SECRET } from './stand.ts';

const cluster = useCluster();
let folder: string;
let cuttable: CuttableApiserver;
let apis: [ApiProcess, ApiProcess];

beforeAll(async () => {
  const forge = {
    type: 'github',
    url: 'https://github.com',
    scope: { type: 'organization', name: 'acme' },
    credentialsSecretRef: { name: 'forge' },
  };
  const uids = [];
  for (const name of ['linux', 'busy']) {
    const { metadata } = await create<RunnerPool>(cluster, poolManifest(name, { forge }));
    uids.push(`--from-literal=${metadata.uid}=${SECRET}`);
  }
  await cluster.kubectl('create', 'secret', 'generic', WEBHOOKS_SECRET, ...uids);
  folder = await mkdtemp(join(tmpdir(), 'harrier-webhooks-'));
  cuttable = await startCuttableApiserver(cluster.kubeconfig, join(folder, 'kubeconfig'));
  const { namespace } = cluster;
  const started = await Promise.all(
    [cluster.kubeconfig, cuttable.kubeconfig].map((kubeconfig) =>
      startApi({
        kubeconfig,
        namespace,
        runners: namespace,
        env: { HARRIER_WEBHOOK_PORT: '0', HARRIER_WEBHOOK_TRUSTED_PROXIES: '127.0.0.0/8' },
        // Nothing here asks for a token, so there are no keys that readiness waits for.
        ready: false,
      }),
    ),
  );
  apis = started as [ApiProcess, ApiProcess];
  for (const api of apis)
    await eventually('the api knows pools and secrets', async () => {
      return (await send(api, 'linux', { event: 'ping' })).status === 200;
    });
}, 90_000);
afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await cuttable.close();
  await rm(folder, { recursive: true });
});

async function send(
  api: ApiProcess,
  pool: string,
  sent: Parameters<typeof asGithub>[0] = {},
  base = api.webhooksUrl,
) {
  const answer = await fetch(`${base}/webhooks/github/${cluster.namespace}/${pool}`, asGithub(sent));
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), text: await answer.text() };
}
/** A delivery that is taken at once. Where a busy machine put one off, the next thing that happens is told. */
async function told(api: ApiProcess, pool: string, base = api.webhooksUrl): Promise<string> {
  for (;;) {
    const delivery = randomUUID();
    const { status, retryAfter } = await send(api, pool, { delivery }, base);
    if (status !== 503) {
      expect(status).toBe(202);
      return delivery;
    }
    await sleep(Number(retryAfter) * 1000);
  }
}
/** As a forge that is told to come again. */
async function deliver(api: ApiProcess, pool: string, delivery: string): Promise<number> {
  for (;;) {
    const { status, retryAfter } = await send(api, pool, { delivery });
    if (status !== 503) return status;
    await sleep(Number(retryAfter) * 1000);
  }
}
const stored = (pool: string) => cluster.kubectlJson<RunnerPool>('get', 'rp', pool, '--show-managed-fields');

async function counted({ opsUrl }: ApiProcess, series: RegExp): Promise<number> {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  return Number(series.exec(text)?.[1] ?? 0);
}
async function writes(): Promise<number> {
  const written = /^harrier_api_webhook_writes_total\{outcome="written"\} (\d+)/m;
  const counts = await Promise.all(apis.map((api) => counted(api, written)));
  return counts.reduce((sum, one) => sum + one, 0);
}
/** Changes of pools that the watch of this replica has told it. */
const changesSeen = (api: ApiProcess) =>
  counted(api, /^harrier_informer_events_total\{resource="runnerpools",type="MODIFIED"\} (\d+)/m);

test('a webhook comes into the status by the api’s field manager, and a repeat to the other replica does not', async () => {
  const before = Date.now();
  const [seen, written] = [await changesSeen(apis[1]), await writes()];
  const first = await told(apis[0], 'linux');
  const made = (await writes()) - written;
  const { status, metadata } = await stored('linux');
  expect(status?.webhook?.delivery).toBe(first);
  expect(Date.parse(status?.webhook?.at ?? '')).toBeGreaterThanOrEqual(before - 1);
  const { managedFields } = metadata as unknown as { managedFields: { manager: string; fieldsV1: object }[] };
  const owners = managedFields.filter((one) => JSON.stringify(one.fieldsV1).includes('f:webhook'));
  expect(owners.map(({ manager }) => manager)).toEqual(['harrier-api']);
  // A replica that does not know it yet would write it down once more.
  await eventually('the other replica knows', async () => (await changesSeen(apis[1])) >= seen + made);
  expect((await send(apis[1], 'linux', { delivery: first })).text).toContain('repeated');
  expect((await stored('linux')).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

test('a thousand webhooks at once, to two replicas, are a few writes, and the last of them is not lost', async () => {
  const before = await writes();
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, n) => deliver(apis[n % 2] as ApiProcess, 'busy', `d${n}`)),
  );
  const seconds = (performance.now() - started) / 1000;
  // 200 for one that came again, and had been told meanwhile: on a busy machine the api puts requests off.
  expect(answers.filter((status) => status !== 202 && status !== 200)).toEqual([]);
  const made = (await writes()) - before;
  console.log(`1,000 webhooks in ${seconds.toFixed(1)} s: ${made} writes to the apiserver`);
  // Each replica writes at once, then once a second, and once for what came last.
  expect(made).toBeLessThanOrEqual(2 * (Math.ceil(seconds) + 2));
  expect(await deliver(apis[0], 'busy', 'last')).toBeLessThan(203);
  expect((await stored('busy')).status?.webhook?.delivery).toBe('last');
});

test('while the apiserver is away the forge is told in time to come again, and the hint is kept', async () => {
  cuttable.set('swallowed');
  const started = performance.now();
  const refused = await send(apis[1], 'linux', { delivery: 'kept' });
  expect(refused).toMatchObject({ status: 503, retryAfter: '2' });
  // Gitea gives up after 5 s, and is the first to.
  expect(performance.now() - started).toBeLessThan(5_000);
  cuttable.set('all');
  await expect
    .poll(async () => (await stored('linux')).status?.webhook?.delivery, { timeout: 30_000 })
    .toBe('kept');
});

test('the port of the webhooks leads to nothing else, and the runners’ port takes them too', async () => {
  for (const path of ['/', '/healthz', '/metrics', '/v1/runner', '/openapi.json', '/.well-known/jwks.json'])
    expect([path, (await fetch(`${apis[0].webhooksUrl}${path}`)).status]).toEqual([path, 404]);
  await told(apis[0], 'linux', apis[0].url);
});

test('of those who come by a trusted proxy each has a limit of its own', async () => {
  const bad = (address: string) =>
    send(apis[0], 'nobody', { secret: 'wrong', headers: { 'x-forwarded-for': address } });
  const first = await Promise.all(Array.from({ length: 70 }, () => bad('192.0.2.1')));
  expect(first.some(({ status }) => status === 401)).toBe(true);
  expect((await bad('192.0.2.1')).status).toBe(429);
  expect((await bad('192.0.2.2')).status).toBe(401);
  await told(apis[0], 'linux');
});
