import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { percentile } from '../../bench/statistics.ts';
import { createKubeClient } from '../../src/kube/client.ts';
import { PodKind, RunnerTokenKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import type { SigningKey } from '../../src/tokens/keys.ts';
import { useCluster } from '../support/cluster.ts';
import { type ApiProcess, startApi } from './api_process.ts';
import { type ClusterRunner, makeRunner, publishKey, setPhase } from './cluster_runner.ts';

const cluster = useCluster();
const agent = new Agent({ keepAliveTimeout: 60_000 });
let client: KubeClient;
let key: SigningKey;
let apis: ApiProcess[] = [];

beforeAll(async () => {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig });
  key = await publishKey(client, cluster.namespace);
  const { kubeconfig, namespace } = cluster;
  apis = await Promise.all([1, 2].map(() => startApi({ kubeconfig, namespace, runners: namespace })));
});
afterAll(async () => {
  expect(await Promise.all(apis.map((api) => api.stop()))).toEqual([0, 0]);
  await agent.close();
  await client.close();
});

const runner = (name: string, node?: string) =>
  makeRunner(client, { namespace: cluster.namespace, name, key, ...(node === undefined ? {} : { node }) });

async function statusAt(api: ApiProcess, { authorization }: ClusterRunner): Promise<number> {
  const answer = await request(`${api.url}/v1/runner`, { headers: { authorization }, dispatcher: agent });
  await answer.body.dump();
  return answer.statusCode;
}

/** Asks until the answer is this status; the monotonic time of that answer. */
async function until(
  api: ApiProcess,
  who: ClusterRunner,
  status: number,
  withinMs = 20_000,
): Promise<number> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await statusAt(api, who);
    if (found === status) return performance.now();
    if (performance.now() > deadline)
      throw new Error(`still ${found} after ${withinMs} ms:\n${api.logged().slice(-2000)}`);
  }
}
const everywhere = (who: ClusterRunner, status: number) =>
  Promise.all(apis.map((api) => until(api, who, status)));

test('a runner is accepted by every replica, and tells what it is', async () => {
  const who = await runner('accepted');
  await everywhere(who, 200);
  for (const { url } of apis) {
    const answer = await fetch(`${url}/v1/runner`, { headers: { authorization: who.authorization } });
    expect(await answer.json()).toMatchObject({
      namespace: cluster.namespace,
      pod: { name: 'accepted', uid: who.podUid },
      token: { id: who.token.metadata.uid },
    });
  }
});

test.each([
  ['unscheduled, so gone at once', undefined],
  ['on a node, so lingering with a deletionTimestamp', 'nowhere'],
])('of 50 deleted pods, %s, each token is dead in both replicas at once', async (_what, node) => {
  const took: number[] = [];
  for (let i = 0; i < 50; i++) {
    const who = await runner(`deleted-${node ?? 'free'}-${i}`, node);
    await everywhere(who, 200);
    const from = performance.now();
    // Not awaited: the replicas are asked from the moment the request is under way.
    const deleted = client.delete(PodKind, cluster.namespace, who.name, { gracePeriodSeconds: 30 });
    const at = await everywhere(who, 401);
    expect(await deleted).toBe(true);
    took.push(Math.max(...at) - from);
  }
  const quantile = (share: number) => percentile(took, share).toFixed(1);
  process.stdout.write(
    `delete → 401 in both replicas (${node ?? 'no node'}): p50 ${quantile(0.5)} ms, p98 ${quantile(0.98)} ms\n`,
  );
  // The goal is 100 ms; a machine with other tests on it is given more before this fails, and one pause of everything.
  expect(Number(quantile(0.98))).toBeLessThan(1_000);
});

test('a revoked RunnerToken, a deleted one, and a finished pod end it too, and the log says which', async () => {
  const revoked = await runner('revoked');
  const removed = await runner('removed');
  const finished = await runner('finished', 'nowhere');
  for (const one of [revoked, removed, finished]) await everywhere(one, 200);

  await setPhase(client, cluster.namespace, 'revoked', 'Revoked');
  await everywhere(revoked, 401);
  await client.delete(RunnerTokenKind, cluster.namespace, 'removed');
  await everywhere(removed, 401);
  const succeeded = ['--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Succeeded"}}'];
  await cluster.kubectl('patch', 'pod', 'finished', ...succeeded);
  await everywhere(finished, 401);

  for (const api of apis) {
    for (const [who, refusal] of [
      [revoked, 'revoked-token'],
      [removed, 'unknown-token'],
      [finished, 'dead-pod'],
    ] as const) {
      // Asked again: an api that was paused just then refuses first because it could not find out.
      const log = async () => (await statusAt(api, who)) === 401 && api.logged();
      await expect.poll(log, { timeout: 20_000 }).toContain(`"refusal":"${refusal}"`);
      const metrics = await (await fetch(`${api.opsUrl}/metrics`)).text();
      expect(metrics).toMatch(new RegExp(`harrier_api_token_refusals_total\\{refusal="${refusal}"\\} [1-9]`));
    }
    for (const { jwt } of [revoked, removed, finished]) {
      expect(api.logged()).not.toContain(jwt.slice(-40));
    }
  }
});

test('a pod made again under its name is somebody else', async () => {
  const before = await runner('namesake');
  await everywhere(before, 200);
  await client.delete(PodKind, cluster.namespace, 'namesake');
  await client.delete(RunnerTokenKind, cluster.namespace, 'namesake');
  const after = await runner('namesake');
  await everywhere(after, 200);
  for (const api of apis) expect(await statusAt(api, before)).toBe(401);
});

test('a key taken from the published set is trusted no longer', async () => {
  const who = await runner('old-key');
  await everywhere(who, 200);
  await cluster.kubectl('delete', 'configmap', 'harrier-public-keys');
  await everywhere(who, 401);
  for (const { url } of apis)
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 20_000 }).toBe(503);
  key = await publishKey(client, cluster.namespace);
  const next = await runner('new-key');
  await everywhere(next, 200);
  for (const api of apis) expect(await statusAt(api, who)).toBe(401);
});
