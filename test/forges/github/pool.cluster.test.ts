import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import { eventually, PoolInCluster, poolManifest } from '../../controller/pool_in_cluster.ts';
import { type Cell, startCell } from '../../support/cell.ts';
import { useCluster } from '../../support/cluster.ts';
import { joinAs, secretManifest, TEMPLATE } from '../join_as.ts';
import { type FakeGithub, startFakeGithub } from './fake_github.ts';

const cluster = useCluster();
const REPOSITORY = 'acme/shop';
let fake: FakeGithub;
let cell: Cell;
let pool: PoolInCluster;

beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  fake = await startFakeGithub({ repositories: [REPOSITORY], organizations: ['acme'] });
  fake.app.installedOn.push(`/repos/${REPOSITORY}`);
  cell = await startCell({ kubeconfig, namespace, controller: { HARRIER_FORGE_HOSTS: '127.0.0.1' } });
  await cell.client.create(SecretKind, secretManifest(namespace, 'app', fake.appSecret()));
  await cell.client.create(
    RunnerPoolKind,
    poolManifest(namespace, 'github', {
      replicas: 1,
      autoscaling: { min: 1, max: 3, scaleDownDelay: '1s' },
      forge: {
        type: 'github',
        url: fake.url,
        scope: { type: 'repository', name: REPOSITORY },
        credentialsSecretRef: { name: 'app' },
        labels: ['linux'],
        pollInterval: '2s',
      },
      lifecycle: { backoff: { initial: '1s', max: '2s' } },
      template: TEMPLATE,
    }),
  );
  pool = new PoolInCluster(cell.client, namespace, 'github');
}, 60_000);
afterAll(async () => {
  await cell?.stop();
  await fake?.close();
});

const liveNames = async () => (await pool.live()).map(({ metadata }) => metadata.name).sort();
const recordOf = (pod: string) => [...fake.state.runners.values()].find(({ name }) => name.endsWith(pod));
const oneRunner = async (not?: string) =>
  await eventually('a runner', async () => {
    const [name, ...others] = await liveNames();
    return others.length === 0 && name !== not && name;
  });

test('a runner joins by just-in-time configuration, has its job and leaves nothing behind', async () => {
  const pod = await oneRunner();
  const files = await joinAs(cell, pod);
  expect(Object.keys(files).sort()).toEqual(['credentials', 'credentials_rsaparams', 'runner']);
  const { id = 0 } = recordOf(pod) ?? {};
  await pool.report(pod, 'Idle');
  fake.connect(id);
  await eventually('it is idle', async () => (await pool.get())?.status?.idleReplicas === 1);

  fake.state.addJob({ repository: REPOSITORY, labels: ['self-hosted', 'linux'] });
  const job = fake.state.takeJob(id);
  await eventually('it is busy', async () => (await pool.get())?.status?.busyReplicas === 1);
  fake.state.endJob(job.id);
  await pool.endPod(pod, 'Succeeded');
  expect(await oneRunner(pod)).not.toBe(pod);
  expect(recordOf(pod)).toBeUndefined();
});

test('queued jobs bring runners, and their end takes them away', async () => {
  const jobs = [1, 2, 3].map(() => fake.state.addJob({ repository: REPOSITORY, labels: ['linux'] }));
  fake.state.addJob({ repository: REPOSITORY, labels: ['windows'] });
  await eventually('three', async () => (await liveNames()).length === 3);
  await eventually('what they are for', async () => (await pool.get())?.status?.queued === 3);
  for (const { id } of jobs) fake.state.endJob(id);
  await eventually('one', async () => (await liveNames()).length === 1);
});

test('a revoked App is told once, with what to do, and asked for with pauses', async () => {
  fake.app.revoked = true;
  const told = await eventually('why no runner is made', async () => {
    const degraded = await pool.condition('Degraded');
    return degraded?.reason === 'ForgeUnauthorized' && degraded;
  });
  expect(told.message).toContain('App');
  const before = fake.asked.length;
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  expect(fake.asked.length - before).toBeLessThanOrEqual(6);

  fake.app.revoked = false;
  await eventually(
    'it is mended by itself',
    async () => (await pool.condition('ForgeReachable'))?.status === 'True',
    90_000,
  );
}, 150_000);

test('a deleted pool takes its records along, and no others', async () => {
  await joinAs(cell, (await liveNames())[0] ?? '');
  const strange = fake.state.addRunner({
    name: 'harrier-0123456789ab-someone-else',
    scope: `/repos/${REPOSITORY}`,
    labels: ['linux'],
    groupId: 1,
  });
  await cell.client.delete(RunnerPoolKind, cluster.namespace, 'github');
  await eventually('no pool', async () => (await pool.get()) === undefined);
  expect([...fake.state.runners.keys()]).toEqual([strange.id]);
});
