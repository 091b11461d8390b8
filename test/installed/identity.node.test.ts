import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM_NAMESPACE } from '../../hack/install.ts';
import { portForward } from '../../hack/run/command.ts';
import { useCluster } from '../support/cluster.ts';
import { poolsOn } from './pool_on_node.ts';

const cluster = useCluster();
const pools = poolsOn(cluster);
let api: Awaited<ReturnType<typeof portForward>>;
let pods: string[] = [];

beforeAll(async () => {
  const kubectl = process.env.HARRIER_TEST_KUBECTL ?? 'kubectl';
  api = await portForward(kubectl, cluster.kubeconfig, SYSTEM_NAMESPACE, 'service/harrier-api', 80);
  // The first JWT lives for startupTimeout and a minute, the next for ttl.
  const lifecycle = { startupTimeout: '30s' };
  await pools.apply('identified', { replicas: 2, token: { ttl: '60s' }, lifecycle });
  pods = await pools.runners('identified', 2);
});
afterAll(async () => {
  await pools.remove();
  await api[Symbol.asyncDispose]();
});

const ask = (token: string) =>
  fetch(`${api.url}/v1/runner`, { headers: { authorization: `Bearer ${token}` } });

describe('a job', () => {
  /** Every place that a process of the runner container can read: environments, command lines, mounts, files. */
  const SEARCH = `
    const { readdirSync, readFileSync, statSync } = require('node:fs');
    const needle = process.argv[1];
    let read = 0, found = [];
    const look = (path) => {
      try { const bytes = readFileSync(path); read++; if (bytes.includes(needle)) found.push(path); } catch {}
    };
    const walk = (folder, depth) => {
      let names = []; try { names = readdirSync(folder, { withFileTypes: true }); } catch { return; }
      for (const name of names) {
        const path = folder + '/' + name.name;
        if (name.isDirectory() && depth > 0) walk(path, depth - 1);
        else if (name.isFile() && statSync(path).size < 4e6) look(path);
      }
    };
    for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)))
      if (pid !== String(process.pid)) for (const file of ['environ', 'cmdline', 'mountinfo']) look('/proc/' + pid + '/' + file);
    for (const folder of ['/var', '/run', '/tmp', '/workspace', '/etc', '/home']) walk(folder, 8);
    console.log(JSON.stringify({ read, found }));`;

  it('finds no byte of its token anywhere it can read, and finds what it can read', async () => {
    const [pod = ''] = pods;
    const signature = (await pools.token(pod)).split('.')[2] ?? '';
    const search = async (needle: string) =>
      JSON.parse(await pools.inRunner(pod, 'node', '-e', SEARCH, needle)) as {
        read: number;
        found: string[];
      };
    expect(await search(signature)).toMatchObject({ found: [] });
    const canary = await search('HARRIER_URL');
    expect(canary.found.some((path) => path.endsWith('/environ'))).toBe(true);
  });

  it('can ask who it is, through the sidecar, and is told no secret', async () => {
    const [pod = ''] = pods;
    const script = "fetch(process.env.HARRIER_URL + 'v1/runner').then((a) => a.text()).then(console.log)";
    const said = await pools.inRunner(pod, 'node', '-e', script);
    expect(JSON.parse(said)).toMatchObject({ pool: 'identified', pod: { name: pod }, attempt: 1 });
    expect(said).not.toContain('eyJ');
  });
});

describe('a token', () => {
  // A JWT's life of at most 90 s, and then the kubelet's pace.
  it('is refreshed in the running pod before it expires', { timeout: 360_000 }, async () => {
    const [pod = ''] = pods;
    const first = await pools.token(pod);
    expect(decodeJwt(first)).toMatchObject({ sub: `runner:runners/identified/${pod}` });
    const lives = ((decodeJwt(first).exp ?? 0) - Date.now() / 1000) * 1000;
    await sleep(Math.max(0, lives) + 1000);
    expect((await ask(first)).status).toBe(401);
    expect((await ask(await pools.token(pod))).status).toBe(200);
    // The kubelet brings the new one into the pod; the sidecar uses it without a restart.
    const script = "fetch(process.env.HARRIER_URL + 'v1/runner').then((a) => console.log(a.status))";
    await expect
      .poll(async () => (await pools.inRunner(pod, 'node', '-e', script)).trim(), {
        timeout: 180_000,
        interval: 2000,
      })
      .toBe('200');
    const restarts = await pools.kubectl(
      ...['get', 'pod', pod, '-o', 'jsonpath={.status.initContainerStatuses[0].restartCount}'],
    );
    expect(restarts).toBe('0');
  });

  it('dies with its pod, at the delete and not at the end of its grace', async () => {
    const [, pod = ''] = pods;
    const token = await pools.token(pod);
    expect((await ask(token)).status).toBe(200);
    await pools.kubectl('delete', 'pod', pod, '--wait=false');
    await expect.poll(async () => (await ask(token)).status, { timeout: 5000, interval: 20 }).toBe(401);
    expect((await ask(token)).headers.get('www-authenticate')).toContain('invalid_token');
  });

  it('is still accepted when the signing keys were rotated on demand, and new ones are published first', async () => {
    const keys = async () =>
      ((await (await fetch(`${api.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }).keys;
    const before = await keys();
    await cluster.kubectl(
      ...['-n', SYSTEM_NAMESPACE, 'annotate', '--overwrite', 'configmap', 'harrier-public-keys'],
      `harrier.dev/rotate-requested=${new Date().toISOString()}`,
    );
    await expect.poll(async () => (await keys()).length, { timeout: 60_000 }).toBe(before.length + 1);
    expect((await keys()).map(({ kid }) => kid)).toEqual(
      expect.arrayContaining(before.map(({ kid }) => kid)),
    );
    const [pod = ''] = await pools.runners('identified', 2);
    expect((await ask(await pools.token(pod))).status).toBe(200);
  });
});
