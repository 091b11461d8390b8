import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKubeClient } from '../../../src/kube/client.ts';
import { createInformer } from '../../../src/kube/informer.ts';
import type { Informer, KubeClient } from '../../../src/kube/types.ts';
import { API_VERSION, FieldManager } from '../../../src/resources/group.ts';
import type { RunnerPool } from '../../../src/resources/runner_pool.ts';
import { LookupCounts } from '../../../src/runtime/pool_cache/lookup_counts.ts';
import { WRITE_EVERY } from '../../../src/runtime/pool_cache/next_status.ts';
import { writePoolCacheStatus } from '../../../src/runtime/pool_cache/write_status.ts';
import { createWritePoolStatus } from '../../../src/runtime/pool_status/write_pool_status.ts';
import { type ServedPool, ServedPoolKind } from '../../../src/runtime/served_pools.ts';
import { create, poolManifest } from '../../resources/pool_manifest.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ApiProcess, startApi } from '../api_process.ts';
import { makeRunner, publishKey } from '../cluster_runner.ts';
import { patiently } from '../patiently.ts';

const cluster = useCluster();
const log = pino({ level: 'silent' });
/** What one process writes reaches another by a watch; a machine may be busy with other tests. */
const LONG = { timeout: 30_000 };
let client: KubeClient;

beforeAll(() => {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig });
});
afterAll(() => client.close());

describe('RunnerPool.status.cache', () => {
  let pools: Informer<ServedPool>;
  let now = Date.now();
  let entries = 2;
  beforeAll(async () => {
    await create(cluster, poolManifest('counted'));
    await create(cluster, poolManifest('quiet'));
    pools = createInformer({ client, kind: ServedPoolKind, namespaces: [cluster.namespace], log });
    await pools.start();
  });
  afterAll(() => pools.stop());

  const name = () => `${cluster.namespace}/counted`;
  /** A replica of the api, which has counted some look-ups. */
  function replica(hits: number, misses: number) {
    const counts = new LookupCounts();
    for (let n = 0; n < hits; n++) counts.count(name(), true);
    for (let n = 0; n < misses; n++) counts.count(name(), false);
    const cache = {
      usages: async () => [{ tenant: 'ci/git/acme/app', pool: name(), entries, sizeBytes: entries * 1000 }],
    };
    return {
      write: () =>
        writePoolCacheStatus({
          write: createWritePoolStatus({ client, pools }),
          pools,
          cache,
          counts,
          now: () => now,
          log,
        }),
      counts,
    };
  }
  const stored = (pool = 'counted') => cluster.kubectlJson<RunnerPool>('get', 'rp', pool);

  test('is what the cache holds, by a field manager of its own beside the controller', async () => {
    const controller = { fieldManager: FieldManager.controller, force: true };
    const asController = (readyReplicas: number) =>
      client.applyStatus(
        ServedPoolKind,
        {
          apiVersion: API_VERSION,
          kind: 'RunnerPool',
          metadata: { namespace: cluster.namespace, name: 'counted' },
          status: { replicas: 1, readyReplicas },
        },
        controller,
      );
    await asController(0);
    await replica(3, 1).write();
    const figures = { entries: 2, sizeBytes: 2000, repositories: 1, hits: 3, misses: 1 };
    expect((await stored()).status).toMatchObject({ replicas: 1, cache: figures });
    await asController(1);
    expect((await stored()).status).toMatchObject({ readyReplicas: 1, cache: figures });
    expect((await stored('quiet')).status?.cache).toBeUndefined();

    const [, row] = (await cluster.kubectl('get', 'rp', 'counted', '-o', 'wide')).trim().split('\n');
    expect(row?.trim().split(/\s+/).slice(-3)).toEqual(['2', '3', '1']);
  });

  test('is written again only when something has changed and a minute has passed', async () => {
    const before = (await stored()).metadata.resourceVersion;
    await replica(0, 0).write();
    const early = replica(1, 0);
    await early.write();
    expect((await stored()).metadata.resourceVersion).toBe(before);
    now += WRITE_EVERY;
    await replica(0, 0).write();
    expect((await stored()).metadata.resourceVersion).toBe(before);
    await early.write();
    expect((await stored()).status?.cache).toMatchObject({ hits: 4, misses: 1 });
    await early.write();
    expect((await stored()).status?.cache).toMatchObject({ hits: 4, misses: 1 });
  });

  test('of many replicas has the look-ups of all, each once', async () => {
    const replicas = [1, 2, 3, 4].map((hits) => replica(hits, 1));
    entries++;
    const rest = () => replicas.filter(({ counts }) => counts.of(name()).hits > 0);
    // One of them writes in each minute: the others find that the last write is too young.
    for (let minute = 0; minute < 20 && rest().length > 0; minute++) {
      now += WRITE_EVERY;
      await Promise.all(replicas.map((one) => one.write()));
    }
    expect((await stored()).status?.cache).toMatchObject({ entries: 3, hits: 14, misses: 5 });
    for (const { counts } of replicas) expect(counts.of(name())).toEqual({ hits: 0, misses: 0 });
  });
});

describe('the limits of a pool', () => {
  let api: ApiProcess;
  let authorization: string;
  beforeAll(async () => {
    const key = await publishKey(client, cluster.namespace);
    const limits = { creationsPerMinute: 2, maxEntrySize: '1Mi' };
    await create(cluster, poolManifest('linux', { cache: { limits } }));
    const { kubeconfig, namespace } = cluster;
    api = await startApi({ kubeconfig, namespace, runners: namespace });
    ({ authorization } = await makeRunner(client, { namespace, name: 'limited', key }));
  });
  afterAll(() => api.stop());

  async function post(path: string, body: object) {
    const headers = { authorization, 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await patiently(() => fetch(`${api.url}${path}`, init));
    return {
      status: answer.status,
      retryAfter: Number(answer.headers.get('retry-after')),
      body: (await answer.json()) as { code?: string; uploadId?: string },
    };
  }
  const begin = (key: string, more: object = {}) => post('/v1/cache/uploads', { key, version: 'a', ...more });

  test('hold as the api has read them, and as they are changed', async () => {
    const idle = async () => (await post('/v1/runner/status', { state: 'Idle' })).status;
    await expect.poll(idle, LONG).toBe(200);
    expect(await begin('large', { sizeBytes: 2 ** 20 + 1 })).toMatchObject({
      status: 413,
      body: { code: 'cache-entry-too-large' },
    });
    const { body } = await begin('one');
    const parts = { parts: [{ number: 1, sizeBytes: 2 ** 20 + 1 }] };
    expect(await post(`/v1/cache/uploads/${body.uploadId}/parts`, parts)).toMatchObject({ status: 413 });
    expect((await begin('two')).status).toBe(201);
    const refused = await begin('three');
    expect(refused).toMatchObject({ status: 429, body: { code: 'too-many-requests' } });
    expect(refused.retryAfter).toBeGreaterThan(0);
    expect(refused.retryAfter).toBeLessThanOrEqual(60);

    const limits = { creationsPerMinute: 100, maxEntrySize: '2Mi' };
    const patch = JSON.stringify({ spec: { cache: { limits } } });
    await cluster.kubectl('patch', 'rp', 'linux', '--type=merge', '-p', patch);
    await expect
      .poll(async () => (await begin(`k${Math.random()}`, { sizeBytes: 2 ** 20 + 1 })).status, LONG)
      .toBe(201);
  });
});
