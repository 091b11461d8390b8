import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../hack/cluster/free_ports.ts';
import { apiConfig } from '../../src/modes/api_config.ts';
import { controllerConfig } from '../../src/modes/controller_config.ts';
import { routerConfig } from '../../src/modes/router_config.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { poolManifest } from '../resources/pool_manifest.ts';
import { tokenOf } from '../runtime/management/stand.ts';
import { useCluster } from '../support/cluster.ts';
import { apply, CHART, type Manifest, only, render } from './chart.ts';
import {
  containerEnvironment,
  eventually,
  type HarrierProcess,
  kubeconfigOf,
  startHarrier,
} from './harrier_process.ts';

const cluster = useCluster();
const processes: Partial<Record<'controller' | 'api', HarrierProcess>> = {};
let folder: string;
let runners: string;
let manifests: Manifest[];
let api: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-rights-'));
  runners = await cluster.newNamespace();
  const [port] = await freePorts(1);
  api = `http://127.0.0.1:${port}`;
  const values = {
    runnerNamespaces: [runners],
    issuer: api,
    cell: 'eu-1',
    router: { enabled: true, cells: { 'eu-1': { url: api } }, trustedProxies: ['10.0.0.0/8'] },
    networkPolicy: { routerFrom: [{ podSelector: {} }] },
    management: { enabled: true },
  };
  manifests = await render({ namespace: cluster.namespace, values });
  const rights = ['ServiceAccount', 'Role', 'RoleBinding'];
  // The api's own rights in the whole cluster; those of people would be in the way of a Harrier installed there.
  await apply(
    cluster,
    manifests.filter((one) => rights.includes(one.kind) || one.metadata.name === clusterWide()),
  );
  const own = { HARRIER_OPS_PORT: '0' };
  const [controllerConfigFile, apiConfigFile] = [
    await kubeconfigOf(cluster, 'harrier-controller', folder),
    await kubeconfigOf(cluster, 'harrier-api', folder),
  ];
  processes.controller = startHarrier('controller', {
    ...containerEnvironment(only(manifests, 'Deployment', 'harrier-controller')),
    ...own,
    KUBECONFIG: controllerConfigFile,
  });
  processes.api = startHarrier('api', {
    ...containerEnvironment(only(manifests, 'Deployment', 'harrier-api')),
    ...own,
    HARRIER_PORT: String(port),
    HARRIER_DATA_DIR: join(folder, 'data'),
    KUBECONFIG: apiConfigFile,
  });
});

const clusterWide = () => `harrier-api-${cluster.namespace}`;

afterAll(async () => {
  await Promise.all(Object.values(processes).map((one) => one.stop()));
  await cluster.kubectl('delete', 'clusterrole,clusterrolebinding', clusterWide(), '--ignore-not-found');
  await rm(folder, { recursive: true, force: true });
});

const logs = () =>
  Object.entries(processes)
    .map(([mode, one]) => `${mode}:\n${one.log().slice(-3000)}`)
    .join('\n');
const soon = <T>(attempt: () => Promise<T>) => eventually(attempt, 45_000, logs);

test.each([
  ['controller', controllerConfig],
  ['api', apiConfig],
  ['router', routerConfig],
] as const)(
  'the Deployment of the %s sets variables that it reads, and each to what it takes',
  (mode, schema) => {
    const env = containerEnvironment(only(manifests, 'Deployment', `harrier-${mode}`));
    const given = Object.entries(env).filter(([, value]) => value !== '');
    expect(schema.strict().safeParse(Object.fromEntries(given)).error?.issues).toBeUndefined();
  },
);

describe('with the rights of the chart and no others', { timeout: 180_000 }, () => {
  test('the controller makes keys, the api publishes them, and `helm test` is content', async () => {
    const env = { PATH: process.env.PATH, HARRIER_API_URL: api, HARRIER_ISSUER: api };
    const script = join(CHART, 'files/test_api.js');
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env }).catch((error) => {
      throw new Error(`${error.message}\n${error.stdout}\n${logs()}`);
    });
    expect(stdout).toContain(`${api} is ready and publishes 1 key(s)`);
  });

  test('the api describes itself as the committed document does', async () => {
    const committed = await readFile(join(CHART, '../../docs/openapi.json'), 'utf8');
    const served = await (await fetch(`${api}/openapi.json`)).json();
    expect(served).toEqual(JSON.parse(committed));
  });

  test('a pool gets its runners, each with a token; a runner says what it is; the pool says so too', async () => {
    const pool = {
      ...poolManifest('rights', { replicas: 2 }),
      metadata: { name: 'rights', namespace: runners },
    };
    await cluster.kubectl('create', '--namespace', runners, '-f', '-', { input: JSON.stringify(pool) });
    const active = await soon(async () => {
      const tokens = await listTokens();
      expect(tokens.map((one) => one.status?.phase)).toEqual(['Active', 'Active']);
      return tokens;
    });
    const [token] = active;
    const authorization = `Bearer ${await valueIn(token?.status?.secretRef?.name ?? '')}`;
    const answer = await soon(async () => {
      const said = await fetch(`${api}/v1/runner/status`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ state: 'Installing' }),
      });
      expect(said.status, await said.clone().text()).toBe(200);
      return said.json();
    });
    expect(answer).toMatchObject({ state: 'Installing' });
    await soon(async () =>
      expect((await listTokens()).map((one) => one.status?.runner?.state)).toContain('Installing'),
    );
    await soon(async () => {
      const row = await cluster.kubectl(
        'get',
        'rp',
        'rights',
        '--namespace',
        runners,
        '-o',
        'jsonpath={.status.replicas}',
      );
      expect(row).toBe('2');
    });
    await soon(async () => {
      const events = await cluster.kubectl('get', 'events', '--namespace', runners, '-o', 'name');
      expect(events).not.toBe('');
    });
  });

  test('a runner of elsewhere joins by the registration token of the pool, and gets its JWT', async () => {
    const [registration] = await listTokens('Registration');
    const value = await valueIn(registration?.status?.secretRef?.name ?? '');
    const answer = await soon(async () => {
      const joined = await fetch(`${api}/v1/registrations`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${value}`,
          'content-type': 'application/json',
          'idempotency-key': 'rights-mac',
        },
        body: JSON.stringify({ name: 'mac' }),
      });
      expect(joined.status, await joined.clone().text()).toBe(201);
      return (await joined.json()) as { token: string };
    });
    const said = await fetch(`${api}/v1/runner`, { headers: { authorization: `Bearer ${answer.token}` } });
    expect(said.status).toBe(200);
    const left = await fetch(`${api}/v1/runner`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${answer.token}` },
    });
    expect(left.status, await left.clone().text()).toBe(204);
    await soon(async () => {
      const mac = (await listTokens()).find((one) => one.spec.runner?.name === 'mac');
      expect(mac?.status?.phase).toBe('Revoked');
    });
  });

  test('a manager sees the pool, and who may do nothing is told so', async () => {
    await cluster.kubectl('create', 'serviceaccount', 'watcher', '--namespace', runners);
    const token = await tokenOf(cluster, 'watcher', runners);
    const overview = () => fetch(`${api}/v1/overview`, { headers: { authorization: `Bearer ${token}` } });
    await soon(async () => expect((await overview()).status).toBe(403));
    const role = ['create', 'role', 'watcher', '--namespace', runners];
    await cluster.kubectl(...role, '--verb=list', '--resource=runnerpools.harrier.dev');
    const bound = ['--role=watcher', `--serviceaccount=${runners}:watcher`, '--namespace', runners];
    await cluster.kubectl('create', 'rolebinding', 'watcher', ...bound);
    await soon(async () => {
      const answer = await overview();
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({
        pools: [{ name: 'rights', namespace: runners, desired: 2 }],
      });
    });
  });

  test('scaled down and deleted, it leaves nothing behind', async () => {
    await cluster.kubectl('scale', 'rp/rights', '--replicas=1', '--namespace', runners);
    // What has ended is shown for a while yet.
    const ofPods = async () => (await listTokens()).filter(({ spec }) => spec.podRef !== undefined);
    await soon(async () => expect(await ofPods()).toHaveLength(1));
    await cluster.kubectl('delete', 'rp', 'rights', '--namespace', runners, '--timeout=50s');
    await soon(async () => {
      const left = await cluster.kubectl('get', 'pods,rt,secrets', '--namespace', runners, '-o', 'name');
      expect(left).toBe('');
    });
  });

  test('nobody was ever refused anything, and both stop when told to', async () => {
    for (const [mode, one] of Object.entries(processes)) {
      expect(await one.stop(), mode).toBe(0);
      expect(one.log(), mode).not.toMatch(/forbidden|cannot (get|list|watch|create|patch|update|delete)/i);
    }
  });
});

async function listTokens(type: RunnerToken['spec']['type'] = 'Runtime'): Promise<RunnerToken[]> {
  const { items } = await cluster.kubectlJson<{ items: RunnerToken[] }>('get', 'rt', '--namespace', runners);
  return items.filter((one) => one.spec.type === type);
}

async function valueIn(secret: string): Promise<string> {
  const data = await cluster.kubectl(
    ...['get', 'secret', secret, '--namespace', runners, '-o', 'jsonpath={.data.token}'],
  );
  return Buffer.from(data, 'base64').toString();
}
