import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { PodKind, RunnerTokenKind, SecretKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { FieldManager, HANDOVER_SECRET, handoverKey } from '../../src/resources/group.ts';
import type { SigningKey } from '../../src/tokens/keys.ts';
import { clientOf, eventually } from '../controller/pool_in_cluster.ts';
import { useCluster } from '../support/cluster.ts';
import { type ApiProcess, startApi } from './api_process.ts';
import { type ClusterRunner, makeRunner, publishKey } from './cluster_runner.ts';

const cluster = useCluster();
let client: KubeClient;
let key: SigningKey;
let api: ApiProcess;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  key = await publishKey(client, cluster.namespace);
  const { kubeconfig, namespace } = cluster;
  api = await startApi({ kubeconfig, namespace, runners: namespace, env: { HARRIER_LOG_LEVEL: 'trace' } });
});
afterAll(async () => {
  await api.stop();
  await client.close();
});

/** The api learns by its watch: a poll's own second is soon over on a machine with other tests on it. */
const PATIENT = { timeout: 20_000 };

const seen = async (authorization: string) =>
  (await fetch(`${api.url}/v1/runner`, { headers: { authorization } })).status;

async function runner(name: string): Promise<ClusterRunner> {
  const who = await makeRunner(client, { namespace: cluster.namespace, name, key });
  const { authorization } = who;
  await expect.poll(() => seen(authorization), PATIENT).toBe(200);
  return who;
}

const ask = (who: ClusterRunner, options: { key?: string; signal?: AbortSignal; method?: string } = {}) =>
  fetch(`${api.url}/v1/runner/credential`, {
    method: options.method ?? 'GET',
    signal: options.signal ?? null,
    headers: {
      authorization: who.authorization,
      ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
    },
  });

const statusOf = async (name: string) => (await client.get(RunnerTokenKind, cluster.namespace, name))?.status;

/** What the controller sees when the runner asks: the request that it has to answer. */
const claimOf = (name: string, not = '') =>
  eventually(`a claim of ${name}`, async () => {
    const status = await statusOf(name);
    const { request } = status ?? {};
    return (
      request !== undefined && request.id !== not && status?.credential?.request === request.id && request
    );
  });

/** The controller's part: the value, or why there is none. */
async function answer(who: ClusterRunner, request: string, values: Record<string, string>): Promise<void> {
  const text = Buffer.from(JSON.stringify(values)).toString('base64');
  await client.apply(
    SecretKind,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: cluster.namespace, name: HANDOVER_SECRET },
      data: { [handoverKey(who.token.metadata.uid, request)]: text },
    },
    { fieldManager: FieldManager.controller, force: true },
  );
}

it('is asked of the controller by a claim, and answered once that is written as handed out', async () => {
  const who = await runner('given');
  const call = ask(who, { key: 'a-key-that-nobody-guesses' });
  const request = await claimOf('given');
  expect(request.what).toBe('Credential');
  expect((await statusOf('given'))?.credential?.handedOutAt).toBeUndefined();
  await answer(who, request.id, { credential: 'canary-of-given' });
  const got = await call;
  expect([got.status, await got.json()]).toEqual([200, { credential: 'canary-of-given' }]);
  expect([got.headers.get('cache-control'), got.headers.get('pragma')]).toEqual(['no-store', 'no-cache']);
  const { credential, runner: report } = (await statusOf('given')) ?? {};
  expect(credential).toMatchObject({
    request: request.id,
    call: createHash('sha256').update('a-key-that-nobody-guesses').digest('base64url'),
    handedOutAt: expect.any(String),
  });
  expect(report).toBeUndefined();
  expect(api.logged()).not.toContain('canary-of-given');
});

test.each([
  ['not-found', 404, 'not-found'],
  ['credential-not-held', 403, 'credential-not-held'],
  ['unavailable', 503, 'unavailable'],
  ['what is this', 503, 'unavailable'],
])('the controller’s %s is a %i, and the claim is given back', async (said, status, code) => {
  const name = `said-${said.replaceAll(' ', '-')}`;
  const who = await runner(name);
  const call = ask(who);
  const request = await claimOf(name);
  await answer(who, request.id, { code: said, reason: 'CredentialExpired' });
  const got = await call;
  expect([got.status, await got.json()]).toMatchObject([status, { code }]);
  expect(got.headers.get('cache-control')).toBe('no-store');
  expect((await statusOf(name))?.credential).toBeUndefined();
});

it('is unavailable while the controller is silent, and to be had afterwards', async () => {
  const who = await runner('silent');
  const silent = await ask(who);
  expect([silent.status, await silent.json()]).toMatchObject([503, { code: 'unavailable' }]);
  expect(silent.headers.get('retry-after')).toBe('1');
  const former = (await statusOf('silent'))?.request?.id;
  const call = ask(who);
  const request = await claimOf('silent', former);
  await answer(who, request.id, { credential: 'canary' });
  expect((await call).status).toBe(200);
});

it('is not handed out to a caller that has gone away', async () => {
  const who = await runner('left');
  const leaving = new AbortController();
  const left = ask(who, { signal: leaving.signal }).catch(() => 'left');
  const request = await claimOf('left');
  leaving.abort();
  expect(await left).toBe('left');
  await new Promise((resolve) => setTimeout(resolve, 200));
  // Each of these answers is a turn of the api's loop, however long it was kept from it: by then it has seen who left.
  for (let turn = 0; turn < 10; turn++) expect(await seen(who.authorization)).toBe(200);
  await answer(who, request.id, { credential: 'canary' });
  await eventually('the claim given back', async () => (await statusOf('left'))?.credential === undefined);
  const again = ask(who);
  await answer(who, (await claimOf('left', request.id)).id, { credential: 'canary' });
  expect((await again).status).toBe(200);
});

it('is refused when the pod is deleted between the claim and the answer: the lock is lost', async () => {
  const who = await runner('deleted');
  const call = ask(who);
  const request = await claimOf('deleted');
  await client.delete(PodKind, cluster.namespace, 'deleted', { gracePeriodSeconds: 0 });
  await answer(who, request.id, { credential: 'canary' });
  const got = await call;
  expect([got.status, await got.json()]).toMatchObject([403, { code: 'credential-not-held' }]);
});

it('is refused when a later attempt took the runner’s place between the claim and the answer', async () => {
  const who = await runner('replaced');
  const call = ask(who);
  const request = await claimOf('replaced');
  const { credential } = (await statusOf('replaced')) ?? {};
  await client.applyStatus(
    RunnerTokenKind,
    {
      apiVersion: 'harrier.dev/v1alpha1',
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name: 'replaced' },
      status: { request, credential, replacedBy: 'the-next' },
    },
    { fieldManager: FieldManager.api, force: true },
  );
  await answer(who, request.id, { credential: 'canary' });
  const got = await call;
  expect([got.status, await got.json()]).toMatchObject([403, { code: 'credential-not-held' }]);
  expect((await statusOf('replaced'))?.credential?.handedOutAt).toBeUndefined();
});

it('is forbidden to an earlier attempt, which is refused everywhere', async () => {
  const who = await runner('earlier');
  await client.applyStatus(
    RunnerTokenKind,
    {
      apiVersion: 'harrier.dev/v1alpha1',
      kind: 'RunnerToken',
      metadata: { namespace: cluster.namespace, name: 'earlier' },
      status: { replacedBy: 'the-next' },
    },
    { fieldManager: FieldManager.api, force: true },
  );
  await expect.poll(() => seen(who.authorization), PATIENT).toBe(401);
  const got = await ask(who);
  expect([got.status, await got.json()]).toMatchObject([403, { code: 'credential-not-held' }]);
  expect((await statusOf('earlier'))?.credential).toBeUndefined();
});

it('is forbidden to a runner whose pod is being deleted', async () => {
  const { namespace } = cluster;
  const who = await makeRunner(client, { namespace, name: 'ending', key, node: 'a-node-that-is-not-there' });
  await expect.poll(() => seen(who.authorization), PATIENT).toBe(200);
  await client.delete(PodKind, namespace, 'ending');
  await expect.poll(() => seen(who.authorization), PATIENT).toBe(401);
  const got = await ask(who);
  expect([got.status, await got.json()]).toMatchObject([403, { code: 'credential-not-held' }]);
});

it('is for runners alone, by GET alone', async () => {
  const who = await runner('others');
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE'])
    expect([404, 405], method).toContain((await ask(who, { method })).status);
  expect((await fetch(`${api.url}/v1/runner/credential`)).status).toBe(401);
  expect((await ask({ ...who, authorization: 'Bearer nobody' })).status).toBe(401);
  expect((await statusOf('others'))?.credential).toBeUndefined();
});
