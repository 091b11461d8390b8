import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordPrefix } from '../../../src/forges/record_name.ts';
import { RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import { eventually, PoolInCluster, poolManifest } from '../../controller/pool_in_cluster.ts';
import { type Cell, startCell } from '../../support/cell.ts';
import { useCluster } from '../../support/cluster.ts';
import { joinAs, secretManifest, TEMPLATE } from '../join_as.ts';
import { type ExampleForge, startExampleForge } from './example_forge.ts';

const cluster = useCluster();
const SECRET = randomBytes(32).toString('hex');
let example: ExampleForge;
let cell: Cell;
let pool: PoolInCluster;

beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  example = await startExampleForge({ SECRET });
  cell = await startCell({ kubeconfig, namespace, controller: { HARRIER_FORGE_HOSTS: '127.0.0.1' } });
  await giveSecret('another-secret-of-enough-bytes');
  await cell.client.create(
    RunnerPoolKind,
    poolManifest(namespace, 'example', {
      forge: {
        type: 'external',
        url: example.hook,
        credentialsSecretRef: { name: 'example-forge' },
        labels: ['linux'],
        pollInterval: '2s',
      },
      // Whoever has joined has its job before the queue, which gets shorter, makes it one too many.
      autoscaling: { max: 3, scaleDownDelay: '8s' },
      template: TEMPLATE,
    }),
  );
  pool = new PoolInCluster(cell.client, namespace, 'example');
}, 60_000);
afterAll(async () => {
  await cell?.stop();
  await example?.stop();
});

const giveSecret = (secret: string) =>
  cell.client.apply(SecretKind, secretManifest(cluster.namespace, 'example-forge', { secret }), {
    fieldManager: 'test',
    force: true,
  });
const statusOf = async () => (await pool.get())?.status;
const tokenOf = async (pod: string): Promise<RunnerToken | undefined> =>
  (await pool.tokens()).find(({ metadata }) => metadata.name === pod);

test('a pool with a wrong secret says so, and works once it is right', async () => {
  const said = await eventually('the refusal', async () => {
    const degraded = await pool.condition('Degraded');
    return degraded?.reason === 'ForgeUnauthorized' && degraded;
  });
  expect(said.message).toMatch(/401.*example-forge/);
  await giveSecret(SECRET);
  await eventually('the end of it', async () => (await pool.condition('Degraded'))?.status === 'False');
});

test('jobs that are queued bring runners, which join, take them and vanish', async () => {
  const jobs = [await example.queue('echo one'), await example.queue('echo two')];
  await eventually('two queued', async () => (await statusOf())?.queued === 2);
  const pods = await eventually('two runners', async () => {
    const live = await pool.live();
    return live.length === 2 && live.map(({ metadata }) => metadata.name);
  });
  const uid = (await pool.get())?.metadata.uid ?? '';

  const joined: { pod: string; files: Record<string, string> }[] = [];
  for (const pod of pods) {
    const files = await joinAs(cell, pod);
    const token = await tokenOf(pod);
    expect(token?.status?.forge?.name.startsWith(recordPrefix('harrier', uid))).toBe(true);
    // What it joins with is written into no status.
    for (const text of Object.values(files)) expect(JSON.stringify(token)).not.toContain(text.trim());
    joined.push({ pod, files });
  }
  // Not before all have joined: with the first job the queue gets shorter.
  await Promise.all(
    joined.map(async ({ pod, files }) => {
      const runner = await example.startRunner(files);
      expect(await new Promise((resolve) => runner.once('exit', resolve))).toBe(0);
      await pool.endPod(pod, 'Succeeded');
    }),
  );
  for (const job of jobs) expect(await example.job(job)).toMatchObject({ state: 'succeeded' });

  const gone = async () => {
    const status = await statusOf();
    return status?.queued === 0 && status.replicas === 0 && status.forge?.records === 0;
  };
  await eventually('no queue, no runner and no record', gone, 90_000);
}, 180_000);
