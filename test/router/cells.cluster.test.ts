import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterUp } from '../../hack/cluster/cluster_up.ts';
import { freePorts } from '../../hack/cluster/free_ports.ts';
import { kubectl } from '../../hack/run/kubectl.ts';
import { createKubeClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { encodeRoutable } from '../../src/tokens/routable/encode_routable.ts';
import { connectAgent, type TestAgent } from '../runtime/agent/agent_client.ts';
import { type ApiProcess, startApi } from '../runtime/api_process.ts';
import { type ClusterRunner, makeRunner, publishKey } from '../runtime/cluster_runner.ts';
import { patiently } from '../runtime/patiently.ts';
import { useCluster } from '../support/cluster.ts';
import { type RouterProcess, startRouter } from './router_process.ts';
import { eventually } from './stand.ts';

/** One cell: a control plane of its own, an api with an issuer and keys of its own, and a runner. */
interface TestCell {
  name: string;
  url: string;
  client: KubeClient;
  runner: ClusterRunner;
  /** Makes another one. */
  another(name: string): Promise<ClusterRunner>;
  api: ApiProcess;
  start(): Promise<ApiProcess>;
}

const CRDS = join(import.meta.dirname, '../../crds');
const OTHER_NAMESPACE = 'cell-2';
/** A machine may be busy with other tests. */
const LONG = { timeout: 30_000 };

const first = useCluster();
const closing = new AsyncDisposableStack();
let one: TestCell;
let two: TestCell;
let router: RouterProcess;
let agent: TestAgent;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-cells-'));
  closing.defer(() => rm(folder, { recursive: true }));
  // Temporary: should this process be killed, the next start of any cluster removes it.
  const second = await clusterUp({ name: `cell-2-${process.pid}`, kind: 'controlplane', temporary: true });
  closing.defer(() => second.down());
  await kubectl(second, ['apply', '--server-side', '-f', CRDS]);
  await kubectl(second, ['wait', '--for=condition=Established', '--timeout=30s', '-f', CRDS]);
  await kubectl(second, ['create', 'namespace', OTHER_NAMESPACE]);
  // Pods are refused until the controller-manager has made it.
  const account = ['get', 'serviceaccount', 'default', '--namespace', OTHER_NAMESPACE];
  await eventually(() => kubectl(second, account).catch(() => ''), 60_000);
  const ports = await freePorts(2);
  one = await openCell('1', ports[0] ?? 0, first.kubeconfig, first.namespace);
  two = await openCell('eu-west', ports[1] ?? 0, second.kubeconfig, OTHER_NAMESPACE);
  const file = join(folder, 'cells.json');
  await writeFile(
    file,
    JSON.stringify({ cells: { '1': { url: one.url }, 'eu-west': { url: two.url } }, default: '1' }),
  );
  router = await startRouter(file, { HARRIER_LOG_LEVEL: 'debug' });
  closing.defer(async () => void (await router.stop()));
}, 180_000);
afterAll(() => closing.disposeAsync(), 60_000);

async function openCell(
  name: string,
  port: number,
  kubeconfig: string,
  namespace: string,
): Promise<TestCell> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const client = createKubeClient({ kubeConfig });
  closing.defer(() => client.close());
  const issuer = `https://cell-${name}.example`;
  const key = await publishKey(client, namespace);
  const another = (of: string) =>
    makeRunner(client, { namespace, name: of, key, issuer, cell: name, agent: true });
  const runner = await another(`runner-of-${name}`);
  const env = { HARRIER_ISSUER: issuer, HARRIER_CELL: name, HARRIER_PORT: String(port) };
  const start = async (): Promise<ApiProcess> => {
    const api = await startApi({ kubeconfig, namespace, runners: namespace, env });
    closing.defer(async () => void (await api.stop()));
    return api;
  };
  const api = await start();
  return { name, url: `http://127.0.0.1:${port}`, client, runner, another, api, start };
}

const ask = (base: string, authorization: string, path = '/v1/runner', init: RequestInit = {}) =>
  patiently(() =>
    fetch(`${base}${path}`, { ...init, headers: { authorization, 'content-type': 'application/json' } }),
  );

interface Seen {
  status: number;
  text: string;
  code: string | undefined;
  retryAfter: string | null;
}

/** What the cell's runner gets through the router. */
async function seen(cell: TestCell): Promise<Seen> {
  const answer = await ask(router.url, cell.runner.authorization);
  const text = await answer.text();
  const { code } = JSON.parse(text) as { code?: string };
  return { status: answer.status, text, code, retryAfter: answer.headers.get('retry-after') };
}

const answered = async (cell: string): Promise<number> => {
  const text = await (await fetch(`${router.opsUrl}/metrics`)).text();
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`harrier_router_requests_total{cell="${cell}",`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
};

describe('two control planes behind one router', () => {
  test('a runner of each is served by its own', async () => {
    for (const cell of [one, two]) {
      const { status, text } = await eventually(async () => {
        const answer = await seen(cell);
        return answer.status === 401 ? undefined : answer;
      });
      expect(status, text).toBe(200);
      expect(text).toContain(`runner-of-${cell.name}`);
    }
    const before = [await answered('1'), await answered('eu-west')];
    await seen(one);
    expect([await answered('1'), await answered('eu-west')]).toEqual([(before[0] ?? 0) + 1, before[1]]);
  });

  test('a token of one presented straight to the other is refused', async () => {
    expect((await ask(two.url, one.runner.authorization)).status).toBe(401);
    expect((await ask(one.url, two.runner.authorization)).status).toBe(401);
  });

  test('a claim that was changed leads to the other cell, and no further', async () => {
    const [header, claims = '', signature] = one.runner.jwt.split('.');
    const text = Buffer.from(claims, 'base64url').toString().replace('"cell":"1"', '"cell":"eu-west"');
    const forged = `Bearer ${header}.${Buffer.from(text).toString('base64url')}.${signature}`;
    const before = await answered('eu-west');
    expect((await ask(router.url, forged)).status).toBe(401);
    expect(await answered('eu-west')).toBe(before + 1);
  });

  test('a registration token leads to its cell, which alone knows whether it is good', async () => {
    for (const [cell, before] of [
      ['1', await answered('1')],
      ['eu-west', await answered('eu-west')],
    ] as const) {
      const token = encodeRoutable({ prefix: 'hrt_', routing: { cell }, random: randomBytes(16) });
      const answer = await ask(router.url, `Bearer ${token}`, '/v1/registrations', {
        method: 'POST',
        body: '{}',
      });
      // Whatever the api says of a token that nobody issued.
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(await answered(cell)).toBe(before + 1);
    }
    const nowhere = encodeRoutable({ prefix: 'hrt_', routing: { cell: '35' }, random: randomBytes(16) });
    const answer = await ask(router.url, `Bearer ${nowhere}`, '/v1/registrations', {
      method: 'POST',
      body: '{}',
    });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'cell-unknown' });
  });

  test('a signed URL finds its way back to the cell that signed it, without a token', async () => {
    const post = async (path: string, body: unknown) => {
      const { authorization } = two.runner;
      const answer = await ask(router.url, authorization, path, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      expect(answer.status, await answer.clone().text()).toBeLessThan(300);
      return (await answer.json()) as Record<string, unknown>;
    };
    await post('/v1/runner/status', { state: 'Installing' });
    await post('/v1/runner/status', { state: 'Idle' });
    const { uploadId } = await post('/v1/cache/uploads', { key: 'k', version: 'ab' });
    const offer = await post(`/v1/cache/uploads/${uploadId}/parts`, { parts: [{ number: 1, sizeBytes: 4 }] });
    const [part] = offer.parts as { url: string }[];
    expect(part?.url).toContain('cell=eu-west');
    const stored = await fetch(new URL(part?.url ?? '', router.url), { method: 'PUT', body: 'four' });
    expect(stored.status).toBe(201);
    await post(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: 4, parts: [1] });
    const found = JSON.stringify(await post('/v1/cache/lookup', { keys: ['k'], version: 'ab' }));
    const url = /"(\/v1\/blobs\/entries\/[^"]+)"/.exec(found)?.[1] ?? '';
    expect(await (await fetch(new URL(url, router.url))).text()).toBe('four');
    // At the other cell it is none of its own.
    expect((await fetch(new URL(url.replace('cell=eu-west', 'cell=1'), router.url))).status).toBe(403);
  });

  test('an agent of a cell keeps its WebSocket to it', async () => {
    const who = await two.another('agent-of-eu-west');
    agent = await eventually(() => connectAgent(router.url, who.agentJwt ?? '').catch(() => undefined));
    expect((await agent.next('hello')).runner.name).toBe('agent-of-eu-west');
    agent.say({ type: 'online', id: 'first', ready: true });
    expect(await agent.next('ack')).toMatchObject({ id: 'first', report: { state: 'Idle' } });
    // The other cell does not know it.
    await expect(connectAgent(one.url, who.agentJwt ?? '')).rejects.toMatchObject({ status: 401 });
  });

  test('the death of one leaves the other serving, and ends with the death', async () => {
    const refused: Seen[] = [];
    process.kill(one.api.pid, 'SIGKILL');
    const until = performance.now() + 4000;
    while (performance.now() < until) {
      refused.push(await seen(one));
      expect((await seen(two)).status).toBe(200);
    }
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 502, code: 'cell-unavailable' });
      expect(Number(answer.retryAfter)).toBeGreaterThan(0);
    }
    // Its log comes by a pipe, and may be a moment behind its answers.
    await expect.poll(() => router.logged(), LONG).toContain('the cell is ejected');
    expect((await fetch(`${router.opsUrl}/readyz`)).status).toBe(200);
    agent.say({ type: 'job-started', id: 'second' });
    expect(await agent.next('ack')).toMatchObject({ id: 'second', report: { state: 'Busy' } });
    one.api = await one.start();
    await expect.poll(async () => (await seen(one)).status, LONG).toBe(200);
  });

  test('nothing of a token is in the log, and the router ends when it is told', async () => {
    await expect.poll(() => router.logged(), LONG).toContain('the cell is back');
    const log = router.logged();
    for (const { jwt } of [one.runner, two.runner])
      for (const part of jwt.split('.').slice(1)) expect(log).not.toContain(part.slice(0, 20));
    expect(log).not.toContain('sig=');
    expect(await router.stop()).toBe(0);
    await agent.closed;
  });
});
