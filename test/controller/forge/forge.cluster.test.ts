import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForgeError } from '../../../src/forges/forge_error.ts';
import { recordName, recordPrefix } from '../../../src/forges/record_name.ts';
import { RunnerPoolKind, SecretKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { API_VERSION, FieldManager, Finalizer, WEBHOOKS_SECRET } from '../../../src/resources/group.ts';
import { type ApiProcess, startApi } from '../../runtime/api_process.ts';
import { useCluster } from '../../support/cluster.ts';
import { clientOf, eventually, type PoolInCluster } from '../pool_in_cluster.ts';
import { ForgeInMemory } from './forge_in_memory.ts';
import {
  answerToJoin,
  beginController,
  type ControllerInProcess,
  eventsOf,
  install,
  joined,
  makeForgePool,
  putToken,
  recordOf,
  runnersOf,
} from './stand.ts';

const cluster = useCluster();
let client: KubeClient;
let api: ApiProcess;
let forge: ForgeInMemory;
let controller: ControllerInProcess;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  forge = new ForgeInMemory();
  const { kubeconfig, namespace } = cluster;
  controller = await beginController(client, namespace, forge);
  api = await startApi({ kubeconfig, namespace, runners: namespace });
}, 60_000);
afterAll(async () => {
  await controller?.stop();
  await api?.stop();
  await client.close();
});

async function make(
  name: string,
  spec: Record<string, unknown> = {},
  of: Record<string, unknown> = {},
): Promise<PoolInCluster> {
  return await makeForgePool(client, cluster.namespace, name, spec, of);
}

/** A runner that has joined and says that it waits for a job. */
async function idle(pool: PoolInCluster, podName: string): Promise<string> {
  await joined(api.url, pool, podName);
  const { name } = (await recordOf(pool, podName)) ?? { name: '' };
  forge.become(name, 'Idle');
  await pool.report(podName, 'Idle');
  await eventually(`${podName} joined`, async () => (await recordOf(pool, podName))?.joinedAt !== undefined);
  return name;
}

async function scale(pool: PoolInCluster, replicas: number): Promise<void> {
  await client.mergePatch(RunnerPoolKind, pool.namespace, pool.name, { spec: { replicas } });
}

async function end(pool: PoolInCluster): Promise<void> {
  await client.delete(RunnerPoolKind, pool.namespace, pool.name);
  await eventually(`${pool.name} gone`, async () => (await pool.get()) === undefined);
}

describe('a pool whose runners join a forge', () => {
  it('takes a runner for idle, busy and over by the forge’s word, and leaves no record of it', async () => {
    const pool = await make('life');
    const [first = ''] = await runnersOf(pool, 1);
    const files = await joined(api.url, pool, first);
    const { uid, finalizers } = (await pool.get())?.metadata ?? { uid: '' };
    const name = recordName('harrier', uid, first);
    expect(finalizers).toContain(Finalizer.forge);
    expect(await recordOf(pool, first)).toEqual({
      id: forge.records.find((one) => one.name === name)?.id,
      name,
    });
    expect(files['runner.json']).toContain(name);
    expect((await answerToJoin(api.url, pool, first)).status).toBe(409);

    await pool.report(first, 'Idle');
    await eventually(
      'its record in the status',
      async () => (await pool.get())?.status?.forge?.records === 1,
    );
    expect((await pool.get())?.status?.idleReplicas).toBe(0);
    forge.become(name, 'Idle');
    await eventually('the idle runner', async () => (await pool.get())?.status?.idleReplicas === 1);
    forge.become(name, 'Busy');
    await eventually('the busy runner', async () => (await pool.get())?.status?.busyReplicas === 1);

    // The forge takes the record of an ephemeral runner away by itself.
    forge.become(name, 'Gone');
    await pool.endPod(first, 'Succeeded');
    await eventually('the next runner', async () => {
      const live = await pool.live();
      return live.length === 1 && live[0]?.metadata.name !== first;
    });
    const [second = ''] = await runnersOf(pool, 1);
    const next = await idle(pool, second);
    await end(pool);
    expect(forge.records.filter((one) => one.name === name || one.name === next)).toEqual([]);
  });

  it('removes records that no runner stands behind, and nobody else’s', async () => {
    const pool = await make('orphans', { replicas: 0 });
    await eventually('the first look', async () => (await pool.get())?.status?.forge !== undefined);
    const uid = (await pool.get())?.metadata.uid ?? '';
    const others = [
      recordName('harrier', '00000000-0000-0000-0000-000000000000', 'orphans-abc'),
      recordName('another', uid, 'orphans-abc'),
      `harrier${uid}`,
      'somebody',
    ];
    const own = [recordName('harrier', uid, 'orphans-a'), recordName('harrier', uid, 'orphans-b')];
    forge.records.push(...[...others, ...own].map((name) => ({ id: name, name, state: 'Offline' as const })));
    await eventually('the orphans gone', async () => (await pool.get())?.status?.forge?.orphansRemoved === 2);
    const left = forge.records.map((one) => one.name);
    for (const name of own) expect(left).not.toContain(name);
    for (const name of others) expect(left).toContain(name);
    await end(pool);
    for (const name of others) expect(forge.records.map((one) => one.name)).toContain(name);
  });

  it('leaves a runner alone that got a job in the moment it was to go', async () => {
    const pool = await make('refused', {}, { pollInterval: '1h' });
    const [runner = ''] = await runnersOf(pool, 1);
    const name = await idle(pool, runner);
    await eventually('the idle runner', async () => (await pool.get())?.status?.idleReplicas === 1);
    forge.become(name, 'Busy');
    await scale(pool, 0);
    await eventually('it is called busy', async () => (await pool.get())?.status?.busyReplicas === 1);
    expect((await pool.live()).map((one) => one.metadata.name)).toEqual([runner]);
    forge.become(name, 'Gone');
    await pool.endPod(runner, 'Succeeded');
    await eventually('no runner', async () => (await pool.live()).length === 0);

    await scale(pool, 1);
    const [second = ''] = await runnersOf(pool, 1);
    const record = await idle(pool, second);
    await scale(pool, 0);
    await eventually('the idle one gone', async () => (await pool.pods()).length === 0);
    expect(forge.records.map((one) => one.name)).not.toContain(record);
    await end(pool);
  });

  it('tries again where a runner never joins, and says so', { timeout: 120_000 }, async () => {
    // Within it the test itself has to get what the runner joins with, and to report: that may take some seconds.
    const lifecycle = { startupTimeout: '12s', maxAttempts: 1, backoff: { initial: '1s', max: '2s' } };
    const pool = await make('never', { lifecycle });
    const [first = ''] = await runnersOf(pool, 1);
    await joined(api.url, pool, first);
    const record = await recordOf(pool, first);
    await pool.report(first, 'Idle');
    await eventually('its record gone', async () => forge.records.every((one) => one.name !== record?.name));
    const second = await eventually('the second attempt', async () =>
      (await pool.live()).find((one) => one.metadata.annotations?.['harrier.dev/attempt'] === '2'),
    );
    expect(second.metadata.name).not.toBe(first);
    expect(await pool.condition('Degraded')).toMatchObject({
      status: 'True',
      reason: 'StartsFailing',
      message: expect.stringContaining('had not joined its forge'),
    });
    await eventually('the event', async () => (await eventsOf(pool, 'StartsFailing')).length > 0);
    await end(pool);
  });
});

describe('a forge that does not do its part', () => {
  it('that refuses the credentials is not asked over and over, and works as soon as the Secret is right', {
    timeout: 120_000,
  }, async () => {
    const lonely = new ForgeInMemory('harrier');
    lonely.failure = new ForgeError('Unauthorized', '401: the token is not accepted; make a new one');
    const namespace = await cluster.newNamespace();
    const alone = await beginController(client, namespace, lonely);
    try {
      const pool = await makeForgePool(client, namespace, 'revoked');
      await eventually(
        'the condition',
        async () => (await pool.condition('Degraded'))?.reason === 'ForgeUnauthorized',
      );
      const began = Date.now();
      const before = lonely.asked.length;
      await new Promise((resolve) => setTimeout(resolve, 12_000));
      const minutes = (Date.now() - began) / 60_000;
      // Pauses double from 5 s, two questions a look.
      expect((lonely.asked.length - before) / minutes).toBeLessThan(30);
      expect(await pool.pods()).toEqual([]);
      expect(await pool.condition('Degraded')).toMatchObject({
        status: 'True',
        message: expect.stringContaining('401'),
      });
      expect(await eventsOf(pool, 'ForgeUnauthorized')).toHaveLength(1);

      lonely.failure = undefined;
      await putToken(client, namespace, 'revoked', { token: 'a-new-one' });
      await runnersOf(pool, 1);
      // The status is written after the runner was made.
      await eventually('all well', async () => (await pool.condition('Degraded'))?.status === 'False');
      await client.delete(RunnerPoolKind, namespace, pool.name);
      await eventually('the pool gone', async () => (await pool.get()) === undefined);
    } finally {
      await alone.stop();
    }
  });

  it('since its Secret lacks a key says which, and works as soon as that is there', async () => {
    const pool = await make('keyless');
    await runnersOf(pool, 1);
    await putToken(client, pool.namespace, pool.name, { another: 'key' });
    await eventually(
      'the condition',
      async () => (await pool.condition('Degraded'))?.reason === 'ForgeCredentialsInvalid',
    );
    expect(await pool.condition('Degraded')).toMatchObject({ message: expect.stringContaining('key token') });
    await putToken(client, pool.namespace, pool.name, { token: 'there' });
    await eventually('all well', async () => (await pool.condition('Degraded'))?.status === 'False');
    await end(pool);
  });

  it('that can’t make a record says why to the runner, which gets one later', async () => {
    const pool = await make('later');
    const [runner = ''] = await runnersOf(pool, 1);
    await install(pool, runner);
    forge.failures.set('join', new ForgeError('RateLimited', 'come again', 2_000));
    const refused = await answerToJoin(api.url, pool, runner);
    expect(refused).toMatchObject({ status: 503, code: 'unavailable' });
    expect(Number(refused.retryAfter)).toBeGreaterThanOrEqual(1);
    forge.failures.clear();
    await joined(api.url, pool, runner);
    await end(pool);
  });

  it('that is away when its pool is deleted holds it for forgeCleanupTimeout alone', async () => {
    const away = new ForgeInMemory();
    const namespace = await cluster.newNamespace();
    const alone = await beginController(client, namespace, away);
    try {
      const pool = await makeForgePool(client, namespace, 'away', {
        lifecycle: { forgeCleanupTimeout: '10s' },
      });
      await runnersOf(pool, 1);
      const prefix = recordPrefix('harrier', (await pool.get())?.metadata.uid ?? '');
      const name = `${prefix}left`;
      away.records.push({ id: 'left', name, state: 'Busy' });
      await eventually('the record seen', async () => (await pool.get())?.status?.forge?.records === 1);
      away.failure = new ForgeError('Unavailable', 'no answer');
      await client.delete(RunnerPoolKind, namespace, pool.name);
      await eventually(
        'the wait told',
        async () => (await pool.condition('ForgeCleanup'))?.status === 'False',
      );
      await eventually('the pool gone', async () => (await pool.get()) === undefined);
      await eventually('what was left', async () =>
        (await eventsOf(pool, 'ForgeRecordsLeft'))[0]?.includes(name),
      );
    } finally {
      await alone.stop();
    }
  });
});

describe('demand', () => {
  it('scales a pool up at once and down after its delay, by a field manager of its own', async () => {
    const autoscaling = { min: 0, max: 3, minIdle: 0, scaleDownDelay: '1s' };
    const pool = await make('scaled', { replicas: 0, autoscaling });
    forge.queue = 5;
    await eventually('as many as there may be', async () => (await pool.get())?.spec.replicas === 3);
    await runnersOf(pool, 3);
    // The status is written after the runners were made.
    await eventually('the condition', async () => (await pool.condition('Autoscaling'))?.status === 'True');
    await eventually('the queue', async () => (await pool.get())?.status?.queued === 5);
    expect(await managers('scaled')).toContain(FieldManager.autoscaler);
    forge.queue = 0;
    await eventually('none left', async () => (await pool.pods()).length === 0);
    expect((await pool.get())?.spec.replicas).toBe(0);
    await end(pool);
  });

  it('never writes replicas where nobody asked for it', async () => {
    forge.queue = 9;
    const pool = await make('unscaled');
    await eventually('the queue seen', async () => (await pool.get())?.status?.queued === 9);
    await runnersOf(pool, 1);
    expect((await pool.get())?.spec.replicas).toBe(1);
    expect(await managers('unscaled')).not.toContain(FieldManager.autoscaler);
    forge.queue = 0;
    await end(pool);
  });

  it('asks at once when a webhook came, and gives the api what it is signed with', async () => {
    const pool = await make('hooked', { replicas: 0 }, { pollInterval: '1h' });
    await eventually('the first look', async () => (await pool.get())?.status?.queued === 0);
    const { namespace } = cluster;
    const uid = (await pool.get())?.metadata.uid ?? '';
    const copy = async () => (await client.get(SecretKind, namespace, WEBHOOKS_SECRET))?.data?.[uid];
    await eventually('the webhook secret', async () => (await copy()) !== undefined);
    expect(Buffer.from((await copy()) ?? '', 'base64').toString()).toBe('hook-of-hooked');
    forge.queue = 7;
    await client.applyStatus(
      RunnerPoolKind,
      {
        apiVersion: API_VERSION,
        kind: 'RunnerPool',
        metadata: { namespace, name: 'hooked' },
        status: { webhook: { delivery: 'one', at: new Date().toISOString() } },
      },
      { fieldManager: FieldManager.api, force: true },
    );
    await eventually('the queue', async () => (await pool.get())?.status?.queued === 7);
    expect((await pool.get())?.status?.webhook?.delivery).toBe('one');
    forge.queue = 0;
    await end(pool);
    await eventually('its key gone', async () => (await copy()) === undefined);
  });

  async function managers(name: string): Promise<string[]> {
    const text = await cluster.kubectl(
      ...['get', 'runnerpool', name, '--namespace', cluster.namespace],
      ...['--show-managed-fields', '--output', 'jsonpath={.metadata.managedFields[*].manager}'],
    );
    return text.trim().split(' ');
  }
});
