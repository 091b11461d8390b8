import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInformer } from '../../../src/kube/informer.ts';
import type { Informer, KubeClient } from '../../../src/kube/types.ts';
import type { RunnerPool } from '../../../src/resources/runner_pool.ts';
import {
  createWritePoolStatus,
  type WritePoolStatus,
} from '../../../src/runtime/pool_status/write_pool_status.ts';
import { type ServedPool, ServedPoolKind } from '../../../src/runtime/served_pools.ts';
import { clientOf } from '../../controller/pool_in_cluster.ts';
import { create, poolManifest } from '../../resources/pool_manifest.ts';
import { useCluster } from '../../support/cluster.ts';

const cluster = useCluster();
const log = pino({ level: 'silent' });
let client: KubeClient;
let pools: Informer<ServedPool>;
let write: WritePoolStatus;
beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  await create(cluster, poolManifest('linux'));
  pools = createInformer({ client, kind: ServedPoolKind, namespaces: [cluster.namespace], log });
  await pools.start();
  write = createWritePoolStatus({ client, pools });
});
afterAll(async () => {
  await pools.stop();
  await client.close();
});

const pool = () => {
  const held = pools.store.get(cluster.namespace, 'linux');
  if (held === undefined) throw new Error('the pool is not watched');
  return held;
};
const stored = async () => (await cluster.kubectlJson<RunnerPool>('get', 'rp', 'linux')).status;
const cache = {
  entries: 1,
  sizeBytes: 2,
  repositories: 1,
  hits: 3,
  misses: 4,
  updatedAt: '2026-11-21T08:00:00Z',
};
const webhook = (delivery: string) => ({ delivery, at: '2026-11-21T08:00:00Z' });

test('what one writes leaves the other as it was, made from whatever version', async () => {
  const old = pool();
  await write(old, () => ({ cache }));
  // From a copy that knows nothing of the cache's figures: it meets 409, and is made anew from what there is.
  await write(old, () => ({ webhook: webhook('one') }));
  expect(await stored()).toMatchObject({ cache, webhook: webhook('one') });
  await write(old, () => ({ cache: { ...cache, hits: 5 } }));
  expect(await stored()).toMatchObject({ cache: { hits: 5 }, webhook: webhook('one') });
});

test('many at once all come through, one after the other', async () => {
  const held = pool();
  const adding = () =>
    write(held, ({ status }) => ({ cache: { ...cache, hits: (status?.cache?.hits ?? 0) + 1 } }));
  const before = (await stored())?.cache?.hits ?? 0;
  await Promise.all([1, 2, 3, 4].map(adding));
  expect((await stored())?.cache?.hits).toBe(before + 4);
  expect((await stored())?.webhook).toEqual(webhook('one'));
});

test('nothing is written of a pool that is gone, or of a namesake', async () => {
  const held = pool();
  expect(await write(held, () => undefined)).toBeUndefined();
  await cluster.kubectl('delete', 'rp', 'linux');
  expect(await write(held, () => ({ webhook: webhook('late') }))).toBeUndefined();
  await create(cluster, poolManifest('linux'));
  expect(await write(held, () => ({ webhook: webhook('late') }))).toBeUndefined();
  expect((await stored())?.webhook).toBeUndefined();
});
