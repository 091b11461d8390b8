import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { median } from '../../bench/statistics.ts';
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
  await until(connected);
});

async function connected(): Promise<boolean> {
  const text = await (await fetch(`${api.opsUrl}/metrics`)).text();
  return /^harrier_api_watch_connected 1$/m.test(text);
}
async function statusOf({ authorization }: ClusterRunner): Promise<number> {
  return (await fetch(`${api.url}/v1/runner`, { headers: { authorization } })).status;
}
/** Checks of tokens that the api could not make, since the apiserver did not answer in the time that it is given. */
async function unverifiable(): Promise<number> {
  const text = await (await fetch(`${api.opsUrl}/metrics`)).text();
  return Number(/^harrier_api_token_refusals_total\{refusal="unverifiable"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}
/** Asks anew where a busy machine kept the apiserver's answer from the api: then it refuses, and rightly. */
async function whileItAnswers<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const before = await unverifiable();
    const answer = await ask();
    if ((await unverifiable()) === before) return answer;
  }
}
async function until(holds: () => Promise<boolean>, withinMs = 20_000): Promise<number> {
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
  await until(async () => (await statusOf(who)) === 200);
  return who;
}

test('with its watches cut the api asks the apiserver itself, and a deleted runner is refused', async () => {
  const who = await accepted();
  const others = [await accepted(), await accepted()];
  way.set('no-watches');
  await until(async () => !(await connected()));
  const [status, asked] = await whileItAnswers(async () => {
    way.takeGets();
    return [await statusOf(who), way.takeGets()] as const;
  });
  expect(status).toBe(200);
  expect(asked.some((url) => url.endsWith(`/pods/${who.name}`))).toBe(true);
  expect(asked.some((url) => url.endsWith(`/runnertokens/${who.name}`))).toBe(true);

  // Requests at once share a question.
  const [statuses, together] = await whileItAnswers(async () => {
    await sleep(300);
    way.takeGets();
    return [await Promise.all(Array.from({ length: 50 }, () => statusOf(who))), way.takeGets()] as const;
  });
  expect(statuses).toEqual(Array(50).fill(200));
  expect(together.filter((url) => url.endsWith(`/pods/${who.name}`)).length).toBeLessThan(10);

  const took: number[] = [];
  for (const one of [who, ...others]) {
    // So that the answer before is remembered.
    expect(await whileItAnswers(() => statusOf(one))).toBe(200);
    await client.delete(PodKind, cluster.namespace, one.name);
    took.push(await until(async () => (await statusOf(one)) === 401));
  }
  // Of several, so that one pause of the machine is not taken for the api's.
  expect(median(took)).toBeLessThan(1_000);

  way.set('all');
  await until(connected);
  expect(await statusOf(await accepted())).toBe(200);
});

test.each(['refused', 'swallowed'] as const)(
  'with the apiserver away (%s) nobody is accepted two seconds later, and everybody again when it is back',
  async (reach) => {
    const who = await accepted();
    const took: number[] = [];
    const answered: number[] = [];
    // Of several, so that one pause of the machine is not taken for the api's.
    for (let round = 0; round < 3; round++) {
      await until(connected);
      way.set(reach);
      took.push(await until(async () => (await statusOf(who)) === 401));
      await until(async () => api.logged().includes('"refusal":"unverifiable"'));
      const from = performance.now();
      expect(await statusOf(who)).toBe(401);
      answered.push(performance.now() - from);
      expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
      way.set('all');
      await until(async () => (await statusOf(who)) === 200);
    }
    process.stdout.write(`apiserver ${reach} → 401: ${took.map((ms) => ms.toFixed(0)).join(', ')} ms\n`);
    expect(median(took)).toBeLessThan(2_500);
    expect(median(answered)).toBeLessThan(2_000);
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
  });
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
    await until(async () => (await fetch(`${late.url}/readyz`)).status === 200);
    await until(async () => (await fetch(`${late.url}/v1/runner`, { headers })).status === 200);
  } finally {
    expect(await late.stop()).toBe(0);
  }
});
