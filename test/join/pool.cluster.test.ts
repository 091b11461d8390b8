import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventKind, PodKind, RunnerPoolKind, RunnerTokenKind, SecretKind } from '../../src/kube/kinds.ts';
import { HANDOVER_SECRET } from '../../src/resources/group.ts';
import { eventually, PoolInCluster, poolManifest } from '../controller/pool_in_cluster.ts';
import { type ExampleForge, startExampleForge } from '../forges/external/example_forge.ts';
import { startApi } from '../runtime/api_process.ts';
import { prepareSidecar, type SidecarProcess, startSidecar } from '../sidecar/sidecar_process.ts';
import { type Cell, startCell } from '../support/cell.ts';
import { useCluster } from '../support/cluster.ts';
import { prepareJoin, RUNNER_USER, runJoin } from './join_process.ts';

/** The program that examples/external-forge has for its runners. */
const RUNNER = join(import.meta.dirname, '../../examples/external-forge/runner.mjs');
/** What a job could look at to find what its runner joined with. */
const PRYING = [
  'ls -A "$HARRIER_JOIN_DIR"',
  'cat "$HARRIER_JOIN_DIR"/* 2>/dev/null',
  'env',
  'tr "\\0" "\\n" < /proc/$PPID/cmdline',
  'tr "\\0" "\\n" < /proc/$PPID/environ',
  'ls -l /proc/$PPID/fd',
].join('; ');

const cluster = useCluster();
let example: ExampleForge;
let cell: Cell;
let joins: Awaited<ReturnType<typeof prepareJoin>>;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  example = await startExampleForge({ SECRET: 'a-secret-of-enough-bytes-for-hmac' });
  cell = await startCell({
    kubeconfig,
    namespace,
    api: { HARRIER_LOG_LEVEL: 'trace' },
    controller: { HARRIER_FORGE_HOSTS: '127.0.0.1', HARRIER_LOG_LEVEL: 'trace' },
  });
  await cell.client.create(SecretKind, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name: 'example-forge' },
    data: { secret: Buffer.from('a-secret-of-enough-bytes-for-hmac').toString('base64') },
  });
  joins = await prepareJoin();
}, 60_000);
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await cell?.stop();
  await example?.stop();
  await joins?.remove();
});

/** A pool of one runner, whose pod no node has: the test runs what would run in it. */
async function podOf(name: string): Promise<string> {
  const forge = {
    type: 'external',
    url: example.hook,
    credentialsSecretRef: { name: 'example-forge' },
    labels: [name],
    pollInterval: '2s',
  };
  const template = {
    spec: {
      nodeSelector: { 'harrier.dev/test': 'nowhere' },
      containers: [{ name: 'runner', image: 'job.example.test/job:1', securityContext: { runAsUser: 1001 } }],
    },
  };
  await cell.client.create(RunnerPoolKind, poolManifest(cluster.namespace, name, { forge, template }));
  const pool = new PoolInCluster(cell.client, cluster.namespace, name);
  return await eventually(`a runner of ${name} with its identity`, async () => {
    const tokens = await pool.tokens();
    return tokens.find(
      ({ spec, status }) => spec.poolRef.name === name && spec.podRef && status?.phase === 'Active',
    )?.metadata.name;
  });
}

const tokenOf = (pod: string) => cell.client.get(RunnerTokenKind, cluster.namespace, pod);

interface InPod {
  folder: string;
  sidecar: SidecarProcess;
  stop(): Promise<void>;
}

/** All that the pod's sidecar needs is there; it starts when it is told to. */
async function sidecarOf(pod: string): Promise<() => Promise<InPod>> {
  const prepared = await prepareSidecar(await cell.jwtOf(pod));
  const folder = await joins.folder();
  return async () => {
    const sidecar = await startSidecar(prepared.bundle, {
      HARRIER_API_URL: cell.issuer,
      HARRIER_TOKEN_FILE: prepared.tokenFile,
      HARRIER_JOIN_DIR: folder,
    });
    children.add(sidecar.child);
    return {
      folder,
      sidecar,
      async stop() {
        await sidecar.stop();
        await prepared.remove();
      },
    };
  };
}

test('a runner joins, its job finds nothing of what it joined with, and nobody else does', {
  timeout: 120_000,
}, async () => {
  const pod = await podOf('prying');
  const job = await example.queue(PRYING, ['prying']);
  const start = await sidecarOf(pod);
  const { folder, sidecar, stop } = await start();
  const joined = await runJoin(joins.bundle, { url: sidecar.url, folder, seconds: 60 });
  expect([joined.code, joined.stderr]).toEqual([0, '']);
  const file = join(folder, 'token');
  const material = (await readFile(file, 'utf8')).trim();
  const { mode, uid } = await stat(file);
  expect([(mode & 0o777).toString(8), uid]).toEqual(['400', RUNNER_USER]);
  expect(material.length).toBeGreaterThan(16);

  const runner = spawn(process.execPath, [RUNNER], {
    env: { PATH: process.env.PATH, HARRIER_JOIN_DIR: folder, HARRIER_URL: sidecar.url },
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid: RUNNER_USER, gid: RUNNER_USER } : {}),
  });
  children.add(runner);
  await once(runner, 'exit');
  const { state, output = '' } = await example.job(job);
  expect(state).toBe('succeeded');
  expect(output).toContain('HARRIER_JOIN_DIR');
  expect(output).not.toContain(material);
  await expect.poll(() => readdir(folder), { timeout: 20_000 }).toEqual(['.handed-out']);
  await eventually('the record', async () => (await tokenOf(pod))?.status?.forge?.id);

  const { namespace } = cluster;
  // Nobody waits for an event to be written.
  await eventually('the event of the hand-out', async () =>
    JSON.stringify((await cell.client.list(EventKind, namespace)).items).includes('JoinHandedOut'),
  );
  const kinds = [RunnerPoolKind, RunnerTokenKind, PodKind, EventKind] as const;
  const listed = await Promise.all(kinds.map((kind) => cell.client.list(kind as typeof PodKind, namespace)));
  const events = JSON.stringify(listed.at(-1)?.items);
  expect(events).toContain('JoinHandedOut');
  const logs = [
    cell.controller?.output(),
    ...cell.apis.map((api) => api.logged()),
    sidecar.log(),
    joined.stdout,
  ];
  expect(JSON.stringify([listed, logs])).not.toContain(material);
  await eventually('an empty hand-over', async () => {
    const { data } = (await cell.client.get(SecretKind, namespace, HANDOVER_SECRET)) ?? {};
    return Object.keys(data ?? {}).length === 0;
  });
  await stop();
});

test('the runner joins though the api is killed while the controller makes the material', {
  timeout: 200_000,
}, async () => {
  const pod = await podOf('killed');
  const controller = cell.controller?.pid ?? 0;
  const [api] = cell.apis;
  // As little as can be between the two signals: a leader that stands still for seconds loses its lease, and ends.
  const start = await sidecarOf(pod);
  process.kill(controller, 'SIGSTOP');
  const { folder, sidecar, stop } = await start();
  const joining = runJoin(joins.bundle, { url: sidecar.url, folder, seconds: 150 });
  const first = await eventually('the claim', async () => (await tokenOf(pod))?.status?.join?.request);
  process.kill(api?.pid ?? 0, 'SIGKILL');
  process.kill(controller, 'SIGCONT');
  const { kubeconfig, namespace } = cluster;
  const port = new URL(cell.issuer).port;
  const back = await startApi({
    kubeconfig,
    namespace,
    runners: namespace,
    env: { HARRIER_ISSUER: cell.issuer, HARRIER_PORT: port, HARRIER_LOG_LEVEL: 'trace' },
  });
  try {
    const { code, stderr } = await joining;
    expect([code, stderr]).toEqual([0, '']);
    const { join: claim, forge } = (await tokenOf(pod))?.status ?? {};
    expect(claim?.request).not.toBe(first);
    expect(claim?.handedOutAt).toBeDefined();
    expect(forge?.id).toBeDefined();
    expect((await readdir(folder)).sort()).toEqual(['.handed-out', 'token', 'url']);
    await eventually('one record', async () => {
      const pool = await cell.client.get(RunnerPoolKind, namespace, 'killed');
      return pool?.status?.forge?.records === 1;
    });
    // Whoever else has the pod's token is told that it is gone.
    const headers = { authorization: `Bearer ${await cell.jwtOf(pod)}` };
    expect((await fetch(`${cell.issuer}/v1/runner/join`, { headers })).status).toBe(409);
  } finally {
    await stop();
    await back.stop();
  }
});
