import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { PodKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import type { SigningKey } from '../../src/tokens/keys.ts';
import { useCluster } from '../support/cluster.ts';
import { type ApiProcess, startApi } from './api_process.ts';
import { type ClusterRunner, makeRunner, publishKey } from './cluster_runner.ts';
import { type CuttableApiserver, startCuttableApiserver } from './cuttable_apiserver.ts';

const cluster = useCluster();
let folder: string;
let client: KubeClient;
let key: SigningKey;
let way: CuttableApiserver;
let api: ApiProcess;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-cut-'));
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig });
  key = await publishKey(client, cluster.namespace);
  way = await startCuttableApiserver(cluster.kubeconfig, join(folder, 'kubeconfig'));
  const { namespace } = cluster;
  api = await startApi({ kubeconfig: way.kubeconfig, namespace, runners: namespace });
});
afterAll(async () => {
  await api.stop();
  await way.close();
  await client.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  way.set('all');
  await until(() => connected(), 20_000);
});

async function connected(): Promise<boolean> {
  const text = await (await fetch(`${api.opsUrl}/metrics`)).text();
  return /^harrier_api_watch_connected 1$/m.test(text);
}
async function statusOf({ authorization }: ClusterRunner): Promise<number> {
  return (await fetch(`${api.url}/v1/runner`, { headers: { authorization } })).status;
}
async function until(holds: () => Promise<boolean>, withinMs: number): Promise<number> {
  const from = performance.now();
  while (!(await holds())) {
    if (performance.now() - from > withinMs)
      throw new Error(`not within ${withinMs} ms\n${api.logged().slice(-2000)}`);
    await sleep(5);
  }
  return performance.now() - from;
}
async function accepted(): Promise<ClusterRunner> {
  const who = await makeRunner(client, { namespace: cluster.namespace, name: `runner-${serial++}`, key });
  await until(async () => (await statusOf(who)) === 200, 5_000);
  return who;
}

test('with its watches cut the api asks the apiserver itself, and a deleted runner is refused', async () => {
  const who = await accepted();
  way.set('no-watches');
  await until(async () => !(await connected()), 5_000);
  way.takeGets();
  expect(await statusOf(who)).toBe(200);
  const asked = way.takeGets();
  expect(asked.some((url) => url.endsWith(`/pods/${who.name}`))).toBe(true);
  expect(asked.some((url) => url.endsWith(`/runnertokens/${who.name}`))).toBe(true);

  // Requests at once share a question.
  await sleep(300);
  way.takeGets();
  expect(await Promise.all(Array.from({ length: 50 }, () => statusOf(who)))).toEqual(Array(50).fill(200));
  expect(way.takeGets().filter((url) => url.endsWith(`/pods/${who.name}`)).length).toBeLessThan(10);

  await client.delete(PodKind, cluster.namespace, who.name);
  expect(await until(async () => (await statusOf(who)) === 401, 2_000)).toBeLessThan(1_000);

  way.set('all');
  await until(() => connected(), 20_000);
  expect(await statusOf(await accepted())).toBe(200);
});

test.each(['refused', 'swallowed'] as const)(
  'with the apiserver away (%s) nobody is accepted two seconds later, and everybody again when it is back',
  async (reach) => {
    const who = await accepted();
    way.set(reach);
    const took = await until(async () => (await statusOf(who)) === 401, 5_000);
    process.stdout.write(`apiserver ${reach} → 401: ${took.toFixed(0)} ms\n`);
    expect(took).toBeLessThan(2_500);
    await until(async () => api.logged().includes('"refusal":"unverifiable"'), 2_000);
    const from = performance.now();
    expect(await statusOf(who)).toBe(401);
    expect(performance.now() - from).toBeLessThan(2_000);
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
    way.set('all');
    await until(async () => (await statusOf(who)) === 200, 20_000);
  },
);

test('a runner deleted while the apiserver could not be heard is refused from the first moment after', async () => {
  const who = await accepted();
  way.set('swallowed');
  await client.delete(PodKind, cluster.namespace, who.name);
  await sleep(2_000);
  const seen: number[] = [];
  way.set('all');
  await until(async () => {
    seen.push(await statusOf(who));
    return connected();
  }, 20_000);
  for (let i = 0; i < 50; i++) seen.push(await statusOf(who));
  expect(new Set(seen)).toEqual(new Set([401]));
});

test('starts without an apiserver: alive, unready, refusing; and is ready when it comes', async () => {
  const who = await accepted();
  way.set('refused');
  const { namespace } = cluster;
  const late = await startApi({ kubeconfig: way.kubeconfig, namespace, runners: namespace, ready: false });
  try {
    expect((await fetch(`${late.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${late.url}/readyz`)).status).toBe(503);
    const headers = { authorization: who.authorization };
    expect((await fetch(`${late.url}/v1/runner`, { headers })).status).toBe(401);
    way.set('all');
    await until(async () => (await fetch(`${late.url}/readyz`)).status === 200, 20_000);
    await until(async () => (await fetch(`${late.url}/v1/runner`, { headers })).status === 200, 5_000);
  } finally {
    expect(await late.stop()).toBe(0);
  }
});
