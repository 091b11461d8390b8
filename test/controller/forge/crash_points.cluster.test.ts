import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordPrefix } from '../../../src/forges/record_name.ts';
import { RunnerPoolKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { type ApiProcess, startApi } from '../../runtime/api_process.ts';
import { useCluster } from '../../support/cluster.ts';
import { clientOf, eventually } from '../pool_in_cluster.ts';
import { ForgeInMemory } from './forge_in_memory.ts';
import {
  answerToJoin,
  beginController,
  type Deed,
  install,
  joined,
  makeForgePool,
  recordOf,
  runnersOf,
} from './stand.ts';

const cluster = useCluster();
let client: KubeClient;
let api: ApiProcess;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  const { kubeconfig, namespace } = cluster;
  api = await startApi({ kubeconfig, namespace, runners: namespace, ready: false });
}, 60_000);
afterAll(async () => {
  await api?.stop();
  await client.close();
});

const statusWith = (field: string) => (deed: Deed) =>
  deed.what === 'status runnertokens' && Object.hasOwn((deed.detail?.status ?? {}) as object, field);

// A replica waits for twenty seconds for the answer of a controller that has died.
describe('a controller that is killed while a runner joins', { timeout: 120_000 }, () => {
  it.each<[where: string, name: string, dies: (deed: Deed) => boolean]>([
    ['between the record and the status', 'record', ({ what }) => what === 'join'],
    ['between the status and the hand-over', 'status', statusWith('forge')],
  ])('%s leaves one record of it in the end, which is the one that it joins by', async (_, name, dies) => {
    const { namespace } = cluster;
    const forge = new ForgeInMemory();
    const first = await beginController(client, namespace, forge, dies);
    const pool = await makeForgePool(client, namespace, name);
    const [runner = ''] = await runnersOf(pool, 1);
    await install(pool, runner);
    const asked = answerToJoin(api.url, pool, runner);
    await eventually('its death', async () => first.dead);
    expect(forge.records).toHaveLength(1);
    const second = await beginController(client, namespace, forge);
    try {
      // The next leader may be in time to answer what still waits; else the runner asks again, as the sidecar does.
      const files = (await asked).files ?? (await joined(api.url, pool, runner));
      const record = await recordOf(pool, runner);
      expect(forge.records.map(({ id }) => id)).toEqual([record?.id]);
      expect(files['runner.json']).toBe(`secret-of-${record?.name}-${record?.id}`);
      await client.delete(RunnerPoolKind, namespace, name);
      await eventually('the pool gone', async () => (await pool.get()) === undefined);
      expect(forge.records).toEqual([]);
    } finally {
      await second.stop();
      await first.stop();
    }
  });

  it('while it removes the records of a deleted pool leaves none to the next', async () => {
    const namespace = await cluster.newNamespace();
    const forge = new ForgeInMemory();
    let ending = false;
    const dies = ({ what }: Deed) => ending && what === 'remove';
    const first = await beginController(client, namespace, forge, dies);
    const pool = await makeForgePool(client, namespace, 'ended', { replicas: 0 });
    await eventually('the first look', async () => (await pool.get())?.status?.forge !== undefined);
    const prefix = recordPrefix('harrier', (await pool.get())?.metadata.uid ?? '');
    ending = true;
    forge.records.push(
      ...['a', 'b'].map((id) => ({ id, name: `${prefix}${id}`, state: 'Offline' as const })),
    );
    await client.delete(RunnerPoolKind, namespace, pool.name);
    await eventually('its death', async () => first.dead);
    expect(await pool.get()).toBeDefined();
    const second = await beginController(client, namespace, forge);
    try {
      await eventually('the pool gone', async () => (await pool.get()) === undefined);
      expect(forge.records).toEqual([]);
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});
