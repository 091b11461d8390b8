import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { createInformer } from '../../src/kube/informer.ts';
import { type ConfigMap, ConfigMapKind } from '../../src/kube/kinds.ts';
import type { Informer, KubeClient } from '../../src/kube/types.ts';
import { useCluster } from '../support/cluster.ts';
import { configMapManifest } from './manifests.ts';
import { relayTo } from './relay.ts';

const cluster = useCluster();
const log = pino({ level: 'silent' });
let relay: Awaited<ReturnType<typeof relayTo>>;
let client: KubeClient;
let informer: Informer<ConfigMap>;
let namespace: string;

beforeEach(async () => {
  relay = await relayTo(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig: relay.kubeConfig, log });
  namespace = await cluster.newNamespace();
  informer = createInformer({
    client,
    kind: ConfigMapKind,
    namespaces: [namespace],
    labelSelector: 'mine=yes',
    log,
  });
});

afterEach(async () => {
  await informer.stop();
  await client.close();
  await relay.close();
});

const mine = (name: string) => configMapManifest(namespace, name, {}, { labels: { mine: 'yes' } });
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });

async function createMany(prefix: string, count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await client.create(ConfigMapKind, mine(`${prefix}-${next++}`));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

describe('informer on a real apiserver', () => {
  it('sees 500 objects listed in pages and 500 watched', async () => {
    await createMany('before', 600);
    await informer.start();
    expect(informer.store.list()).toHaveLength(600);
    await until(() => expect(informer.connected).toBe(true));
    await createMany('after', 500);
    await until(() => expect(informer.store.list()).toHaveLength(1_100));
  });

  it('tells of a write within milliseconds', async () => {
    await informer.start();
    await until(() => expect(informer.connected).toBe(true));
    const arrivals = new Map<string, number>();
    informer.onChange(({ object }) => arrivals.set(object.metadata.name, performance.now()));
    const delays: number[] = [];
    for (let i = 0; i < 50; i++) {
      const name = `timed-${i}`;
      await client.create(ConfigMapKind, mine(name));
      const answered = performance.now();
      await until(() => expect(arrivals.has(name)).toBe(true));
      delays.push((arrivals.get(name) ?? 0) - answered);
    }
    delays.sort((a, b) => a - b);
    expect(delays[25]).toBeLessThan(50);
  });

  it('finds again what changed while the apiserver was away', async () => {
    await client.create(ConfigMapKind, mine('stays'));
    await client.create(ConfigMapKind, mine('goes'));
    await client.create(ConfigMapKind, mine('reborn'));
    await informer.start();
    await until(() => expect(informer.connected).toBe(true));
    const old = informer.store.get(namespace, 'reborn')?.metadata.uid;
    const changes: string[] = [];
    informer.onChange((change) => changes.push(`${change.type} ${change.object.metadata.name}`));

    const back = relay.leave();
    await until(() => expect(informer.connected).toBe(false));
    expect(informer.synced).toBe(true);
    await cluster.kubectl('-n', namespace, 'delete', 'configmap', 'goes', 'reborn');
    await cluster.kubectl('-n', namespace, 'create', 'configmap', 'reborn');
    await cluster.kubectl('-n', namespace, 'label', 'configmap', 'reborn', 'mine=yes');
    expect(changes).toEqual([]);
    back();

    await until(() => expect(informer.connected).toBe(true));
    await until(() => expect(changes).toEqual(['deleted goes', 'deleted reborn', 'set reborn']));
    expect(informer.store.get(namespace, 'reborn')?.metadata.uid).not.toBe(old);
    expect(informer.store.list()).toHaveLength(2);
  });

  it('sees what leaves the label selector go, and come back', async () => {
    await client.create(ConfigMapKind, mine('fickle'));
    await informer.start();
    await until(() => expect(informer.connected).toBe(true));
    const label = (value: string) =>
      client.mergePatch(ConfigMapKind, namespace, 'fickle', { metadata: { labels: { mine: value } } });
    await label('no');
    await until(() => expect(informer.store.list()).toHaveLength(0));
    await label('yes');
    await until(() => expect(informer.store.list()).toHaveLength(1));
  });

  it('is told gone for a version that the apiserver no longer has', async () => {
    await client.create(ConfigMapKind, mine('one'));
    const refused = client.watch(
      ConfigMapKind,
      namespace,
      { resourceVersion: '1', signal: new AbortController().signal },
      () => undefined,
    );
    await expect(refused).rejects.toMatchObject({ kind: 'gone' });
  });
});
