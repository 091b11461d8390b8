import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import { type ControllerProcess, startController } from '../../controller/controller_process.ts';
import { eventually, PoolInCluster, poolManifest } from '../../controller/pool_in_cluster.ts';
import { type Cell, startCell } from '../../support/cell.ts';
import { useCluster } from '../../support/cluster.ts';
import { joinAs, secretManifest, TEMPLATE } from '../join_as.ts';
import { type FakeGitlab, startFakeGitlab } from './fake_gitlab.ts';

const cluster = useCluster();
const TOKEN = 'glpat-of-the-pool';
let fake: FakeGitlab;
let cell: Cell;
let pool: PoolInCluster;
let next: ControllerProcess | undefined;

beforeAll(async () => {
  const { kubeconfig, namespace } = cluster;
  fake = await startFakeGitlab({
    tokens: { [TOKEN]: { scopes: ['create_runner', 'manage_runner', 'read_api'] } },
    projects: [{ id: 36, path: 'acme/shop' }],
  });
  cell = await startCell({ kubeconfig, namespace, controller: { HARRIER_FORGE_HOSTS: '127.0.0.1' } });
  await cell.client.create(SecretKind, secretManifest(namespace, 'gitlab', { token: TOKEN }));
  await cell.client.create(
    RunnerPoolKind,
    poolManifest(namespace, 'gitlab', {
      forge: {
        type: 'gitlab',
        url: fake.url,
        scope: { type: 'repository', name: 'acme/shop' },
        credentialsSecretRef: { name: 'gitlab' },
        labels: ['linux'],
        pollInterval: '2s',
      },
      template: TEMPLATE,
    }),
  );
  pool = new PoolInCluster(cell.client, namespace, 'gitlab');
}, 60_000);
afterAll(async () => {
  await next?.kill('SIGTERM');
  await cell?.stop();
  await fake?.close();
});

const statusOf = async () => (await pool.get())?.status;

test('a runner joins, and the pool tells its cell and its state, and never its token', async () => {
  const pod = await eventually('a runner', async () => (await pool.live())[0]?.metadata.name);
  const files = await joinAs(cell, pod);
  const [runner] = fake.runners.values();
  const token = runner?.token ?? '';
  expect(files['config.toml']).toContain(token);
  fake.connect(runner?.id ?? 0);

  const status = await eventually('it is connected', async () => {
    const seen = await statusOf();
    return seen?.forge?.online === 1 && seen;
  });
  expect(status.forge).toMatchObject({
    records: 1,
    details: { cell: '1', organization: '10', project: '36' },
  });
  for (const secret of [token, TOKEN]) {
    expect(JSON.stringify([await pool.get(), await pool.tokens(), await pool.pods()])).not.toContain(secret);
    expect(await cluster.kubectl('get', 'events', '-o', 'json')).not.toContain(secret);
    expect(cell.controller?.output()).not.toContain(secret);
  }
});

test('another controller knows no token, and leaves what is told of it', async () => {
  await cell.controller?.kill('SIGKILL');
  await pool.forgetLease();
  const { kubeconfig, namespace } = cluster;
  next = startController({
    kubeconfig,
    namespace,
    env: { HARRIER_FORGE_HOSTS: '127.0.0.1', HARRIER_ISSUER: cell.issuer },
  });
  // That it has asked is seen by what it says of the queue.
  fake.queue({ project: 36, tag_list: ['linux'] }, 4);
  await eventually('four', async () => (await statusOf())?.queued === 4);
  expect((await statusOf())?.forge?.details).toEqual({ cell: '1', organization: '10', project: '36' });
});

test('a deleted pool takes its records along', async () => {
  await cell.client.delete(RunnerPoolKind, cluster.namespace, 'gitlab');
  await eventually('no pool', async () => (await pool.get()) === undefined);
  expect(fake.runners.size).toBe(0);
});
