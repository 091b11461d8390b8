import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import type { SigningKey } from '../../src/tokens/keys.ts';
import { useCluster } from '../support/cluster.ts';
import { type ApiProcess, startApi } from './api_process.ts';
import { type ClusterRunner, makeRunner, publishKey, setPhase } from './cluster_runner.ts';

const cluster = useCluster();
let client: KubeClient;
let key: SigningKey;
let apis: ApiProcess[];

beforeAll(async () => {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig });
  key = await publishKey(client, cluster.namespace);
  const { kubeconfig, namespace } = cluster;
  apis = await Promise.all([1, 2].map(() => startApi({ kubeconfig, namespace, runners: namespace })));
});
afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await client.close();
});

async function runner(name: string): Promise<ClusterRunner> {
  const who = await makeRunner(client, { namespace: cluster.namespace, name, key });
  for (const { url } of apis)
    await expect.poll(async () => (await view(url, who)).status, { timeout: 20_000 }).toBe(200);
  return who;
}
const view = (url: string, { authorization }: ClusterRunner) =>
  fetch(`${url}/v1/runner`, { headers: { authorization } });
async function report(who: ClusterRunner, body: object, { url } = apis[0] as ApiProcess) {
  const answer = await fetch(`${url}/v1/runner/status`, {
    method: 'POST',
    headers: { authorization: who.authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as { state: string; detail?: string } };
}
const stored = (name: string) => cluster.kubectlJson<RunnerToken>('get', 'runnertoken', name);

test('what a runner reports stands in its RunnerToken, as its own field manager wrote it', async () => {
  const who = await runner('reports');
  const installing = await report(who, { state: 'Installing', message: 'fetching the image' });
  expect(installing).toMatchObject({
    status: 200,
    body: { state: 'Installing', message: 'fetching the image' },
  });
  const idle = await report(who, { state: 'Idle' });
  const token = await stored('reports');
  expect(token.status).toMatchObject({ phase: 'Active', runner: idle.body });
  expect(token.status?.runner?.message).toBeUndefined();
  const shown = ['--show-managed-fields', '-o', 'json'];
  const { metadata } = JSON.parse(await cluster.kubectl('get', 'runnertoken', 'reports', ...shown));
  const mine = metadata.managedFields.find((one: { manager: string }) => one.manager === 'harrier-api');
  expect(mine.subresource).toBe('status');
  expect(Object.keys(mine.fieldsV1['f:status'])).toEqual(['f:runner']);

  // The very replica that took the report answers with it at once.
  const [first] = apis as [ApiProcess];
  expect(await (await view(first.url, who)).json()).toMatchObject({ report: idle.body });
  expect(await cluster.kubectl('get', 'rt', 'reports', '-o', 'wide')).toContain('Idle');
});

test('the same state again changes nothing and is no error; going back is a conflict', async () => {
  const who = await runner('goes-on');
  const first = await report(who, { state: 'Busy' });
  const { resourceVersion } = (await stored('goes-on')).metadata;
  expect(await report(who, { state: 'Busy' })).toEqual(first);
  expect((await stored('goes-on')).metadata.resourceVersion).toBe(resourceVersion);

  const back = await report(who, { state: 'Idle' });
  expect(back).toMatchObject({ status: 409, body: { code: 'illegal-transition' } });
  expect(back.body.detail).toContain('Busy');
  expect((await report(who, { state: 'Terminated' })).status).toBe(200);
  expect((await report(who, { state: 'Busy' })).status).toBe(409);
  expect((await stored('goes-on')).status?.runner?.state).toBe('Terminated');
});

test('reports that race in two replicas never leave a runner further back than the furthest told', async () => {
  const order = ['Installing', 'Idle', 'Busy', 'Terminated'];
  for (let round = 0; round < 5; round++) {
    const who = await runner(`races-${round}`);
    const told = await Promise.all(
      [...order, ...order].map((state, i) => report(who, { state }, apis[i % 2] as ApiProcess)),
    );
    for (const { status } of told) expect([200, 409]).toContain(status);
    const taken = told.filter(({ status }) => status === 200).map(({ body }) => order.indexOf(body.state));
    expect((await stored(`races-${round}`)).status?.runner?.state).toBe(order[Math.max(...taken)]);
  }
});

test("the controller's writes and the api's leave each other's fields alone", async () => {
  const who = await runner('shared');
  await report(who, { state: 'Idle' });
  await setPhase(client, cluster.namespace, 'shared', 'Revoked');
  expect((await stored('shared')).status).toMatchObject({ phase: 'Revoked', runner: { state: 'Idle' } });
});

test('a runner reports for itself alone', async () => {
  const [a, b] = [await runner('self-a'), await runner('self-b')];
  await report(b, { state: 'Idle' });
  expect((await report(a, { state: 'Busy', pod: 'self-b', jti: b.token.metadata.uid })).status).toBe(422);
  expect((await report(a, { state: 'Busy' })).status).toBe(200);
  expect((await stored('self-b')).status?.runner?.state).toBe('Idle');
});
