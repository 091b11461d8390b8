import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { ConfigMapKind, PodKind, RunnerPoolKind, SecretKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { useCluster } from '../support/cluster.ts';
import { configMapManifest, poolManifest } from './manifests.ts';
import { relayTo } from './relay.ts';

const cluster = useCluster();
const log = pino({ level: 'silent' });
let relay: Awaited<ReturnType<typeof relayTo>>;
let client: KubeClient;

beforeAll(async () => {
  relay = await relayTo(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig: relay.kubeConfig, log });
});

afterAll(async () => {
  await client.close();
  await relay.close();
});

describe('client on a real apiserver', () => {
  it('creates once: a second of the name is alreadyExists', async () => {
    const manifest = configMapManifest(cluster.namespace, 'once', { a: '1' });
    const made = await client.create(ConfigMapKind, manifest);
    expect(made.metadata).toMatchObject({ name: 'once', namespace: cluster.namespace });
    expect(await client.get(ConfigMapKind, cluster.namespace, 'once')).toEqual({
      ...made,
      apiVersion: 'v1',
      kind: 'ConfigMap',
    });
    await expect(client.create(ConfigMapKind, manifest)).rejects.toMatchObject({
      kind: 'alreadyExists',
      status: 409,
      message: expect.stringContaining(`POST configmaps ${cluster.namespace}/once`),
    });
  });

  it('answers undefined for what is absent', async () => {
    expect(await client.get(ConfigMapKind, cluster.namespace, 'absent')).toBeUndefined();
  });

  it('replaces only the version it names', async () => {
    const manifest = configMapManifest(cluster.namespace, 'cas', { n: '0' });
    const { resourceVersion } = (await client.create(ConfigMapKind, manifest)).metadata;
    const tries = Array.from({ length: 10 }, (_, n) =>
      client.replace(
        ConfigMapKind,
        configMapManifest(cluster.namespace, 'cas', { n: `${n + 1}` }, { resourceVersion }),
      ),
    );
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.kind] : []));
    expect(refusals).toEqual(Array(9).fill('conflict'));
    await expect(client.replace(ConfigMapKind, manifest)).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('applies with an owner for each field: another’s is a conflict unless forced', async () => {
    const apply = (data: Record<string, string>, fieldManager: string, force?: boolean) =>
      client.apply(ConfigMapKind, configMapManifest(cluster.namespace, 'ssa', data), {
        fieldManager,
        ...(force === undefined ? {} : { force }),
      });
    await apply({ one: '1' }, 'first');
    expect((await apply({ two: '2' }, 'second')).data).toEqual({ one: '1', two: '2' });
    await expect(apply({ one: 'x' }, 'second')).rejects.toMatchObject({ kind: 'conflict' });
    expect((await apply({ one: 'x' }, 'second', true)).data).toEqual({ one: 'x' });
  });

  it('writes the status apart from the spec', async () => {
    const pool = await client.create(RunnerPoolKind, poolManifest(cluster.namespace, 'pool'));
    expect(pool.spec.lifecycle.maxAttempts).toBe(5);
    const applied = await client.applyStatus(
      RunnerPoolKind,
      {
        apiVersion: 'harrier.dev/v1alpha1',
        kind: 'RunnerPool',
        metadata: { name: 'pool', namespace: cluster.namespace },
        spec: { replicas: 9 },
        status: { replicas: 1 },
      },
      { fieldManager: 'harrier-controller' },
    );
    expect([applied.spec.replicas, applied.status?.replicas]).toEqual([2, 1]);
    expect(applied.metadata.generation).toBe(pool.metadata.generation);
  });

  it('merges a patch', async () => {
    await client.create(ConfigMapKind, configMapManifest(cluster.namespace, 'merge', { a: '1', b: '2' }));
    const patched = await client.mergePatch(ConfigMapKind, cluster.namespace, 'merge', {
      data: { a: null, c: '3' },
    });
    expect(patched.data).toEqual({ b: '2', c: '3' });
  });

  it('deletes the object of the UID, never its namesake', async () => {
    const manifest = configMapManifest(cluster.namespace, 'doomed');
    const first = await client.create(ConfigMapKind, manifest);
    const remove = (uid: string) => client.delete(ConfigMapKind, cluster.namespace, 'doomed', { uid });
    expect(await remove(first.metadata.uid)).toBe(true);
    expect(await remove(first.metadata.uid)).toBe(false);
    const second = await client.create(ConfigMapKind, manifest);
    expect(await remove(first.metadata.uid)).toBe(false);
    expect(await client.get(ConfigMapKind, cluster.namespace, 'doomed')).toMatchObject({
      metadata: { uid: second.metadata.uid },
    });
    expect(await client.delete(ConfigMapKind, cluster.namespace, 'doomed')).toBe(true);
  });

  it('says which field is invalid, but nothing of a Secret’s content', async () => {
    await expect(
      client.create(PodKind, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'bad', namespace: cluster.namespace },
        spec: { containers: [{ name: 'NOT_A_NAME', image: 'x' }] },
      }),
    ).rejects.toMatchObject({ kind: 'invalid', message: expect.stringContaining('spec.containers[0].name') });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'bad', namespace: cluster.namespace },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': 'canary-c0ffee {' },
    };
    const refused: unknown = await client.create(SecretKind, secret).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('data[.dockerconfigjson]'),
    });
    expect(String((refused as Error).stack)).not.toContain('canary');
  });

  it('creates 200 at 32 at once over no more than 48 connections', async () => {
    const before = relay.state.connections;
    let next = 0;
    const worker = async () => {
      while (next < 200)
        await client.create(ConfigMapKind, configMapManifest(cluster.namespace, `many-${next++}`));
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    expect(relay.state.connections - before).toBeLessThanOrEqual(48);
    const after = relay.state.connections;
    for (let i = 0; i < 20; i++) await client.get(ConfigMapKind, cluster.namespace, `many-${i}`);
    expect(relay.state.connections).toBe(after);
    const list = await client.list(ConfigMapKind, cluster.namespace);
    expect(list.items.filter((one) => one.metadata.name.startsWith('many-'))).toHaveLength(200);
  });

  it('repeats a GET whose connection is cut, but no write', async () => {
    const back = relay.leave();
    const reading = client.get(ConfigMapKind, cluster.namespace, 'once');
    setTimeout(back, 20);
    expect((await reading)?.data).toEqual({ a: '1' });
    const again = relay.leave();
    await expect(
      client.create(ConfigMapKind, configMapManifest(cluster.namespace, 'cut')),
    ).rejects.toMatchObject({ kind: 'transient', status: 0 });
    again();
  });

  it('goes through the proxy that the kubeconfig names, keeping the tunnel', async () => {
    const tunnels: string[] = [];
    const sockets = new Set<Duplex>();
    const proxy = createServer().on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const { hostname, port } = new URL(`https://${request.url}`);
      const onward = connect(Number(port || 443), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      for (const one of [socket, onward]) sockets.add(one.on('error', () => undefined));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(cluster.kubeconfig);
    kubeConfig.clusters = kubeConfig.clusters.map((one) => ({ ...one, proxyUrl }));
    const proxied = createKubeClient({ kubeConfig });
    for (let i = 0; i < 5; i++)
      expect(await proxied.get(ConfigMapKind, cluster.namespace, 'absent')).toBeUndefined();
    await proxied.close();
    for (const one of sockets) one.destroy();
    proxy.close();
    expect(tunnels.length).toBeGreaterThan(0);
    expect(tunnels.length).toBeLessThanOrEqual(2);
  });
});
