import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerPoolKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';

interface Container {
  name: string;
  volumeMounts?: { name: string }[];
}
interface Pod {
  metadata: { name: string; labels: Record<string, string> };
  spec: {
    volumes: { name: string; hostPath?: { path: string; type: string } }[];
    containers: Container[];
    initContainers: Container[];
  };
}

const cluster = useCluster();
const ROOT = '/var/lib/harrier/cache';
const ASKING = { cache: { nodeLocal: { enabled: true, size: '1Gi' } } };
const controllers: ControllerProcess[] = [];
let client: KubeClient;
/** Served by a controller whose installation allows the tier; one enforces a Pod Security Standard. */
let allowed: string;
let baseline: string;
/** Served by a controller whose installation does not. */
let forbidden: string;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  allowed = cluster.namespace;
  [baseline, forbidden] = [await cluster.newNamespace(), await cluster.newNamespace()];
  await cluster.kubectl('label', 'namespace', baseline, 'pod-security.kubernetes.io/enforce=baseline');
  const { kubeconfig } = cluster;
  controllers.push(
    startController({
      ...{ kubeconfig, namespace: allowed, watch: [allowed, baseline] },
      env: { HARRIER_NODE_CACHE_PATH: ROOT },
    }),
    startController({ kubeconfig, namespace: forbidden }),
  );
}, 120_000);
afterAll(async () => {
  for (const controller of controllers) await controller.kill('SIGTERM');
  await client.close();
});

async function newPool(namespace: string, name: string, spec: Record<string, unknown>) {
  await client.create(RunnerPoolKind, poolManifest(namespace, name, spec));
  return new PoolInCluster(client, namespace, name);
}

async function podOf({ namespace, name }: PoolInCluster): Promise<Pod> {
  return await eventually(`a pod of ${name}`, async () => {
    const selector = ['--selector', `harrier.dev/pool=${name}`, '--namespace', namespace];
    const { items } = await cluster.kubectlJson<{ items: Pod[] }>('get', 'pods', ...selector);
    return items[0] ?? false;
  });
}

const nodeCaches = (pod: Pod) => pod.spec.volumes.filter((one) => one.hostPath !== undefined);
const conditionOf = (pool: PoolInCluster, type: string, reason: string) =>
  eventually(`${type} ${reason} of ${pool.name}`, async () => {
    const found = await pool.condition(type);
    return found?.reason === reason && found;
  });

describe('the node-local cache in a cluster', { timeout: 120_000 }, () => {
  it('is the folder of the pod’s own tenant, in the sidecar alone, as the apiserver keeps it', async () => {
    const one = await newPool(allowed, 'one', ASKING);
    const two = await newPool(allowed, 'two', ASKING);
    for (const pool of [one, two]) {
      const pod = await podOf(pool);
      const tenant = createHash('sha256').update(`${allowed}/${pool.name}`).digest('hex');
      expect(nodeCaches(pod)).toEqual([
        { name: 'harrier-node-cache', hostPath: { path: `${ROOT}/${tenant}`, type: 'DirectoryOrCreate' } },
      ]);
      const mounting = [...pod.spec.initContainers, ...pod.spec.containers].filter((container) =>
        container.volumeMounts?.some((mount) => mount.name === 'harrier-node-cache'),
      );
      expect(mounting.map((container) => container.name)).toEqual(['harrier-node-cache', 'harrier']);
      await conditionOf(pool, 'NodeLocalCache', 'Given');
    }
  });

  it('is refused to a template that would show the nodes’ folder to the job', async () => {
    const containers = [{ name: 'runner', image: 'job', volumeMounts: [{ name: 'all', mountPath: '/all' }] }];
    const volumes = [{ name: 'all', hostPath: { path: ROOT } }];
    const pool = await newPool(allowed, 'peeking', { template: { spec: { containers, volumes } } });
    const { message } = await conditionOf(pool, 'Degraded', 'TemplateRefused');
    expect(message).toContain('spec.template.spec.volumes[0].hostPath.path');
    expect(await pool.live()).not.toContainEqual(
      expect.objectContaining({
        metadata: expect.objectContaining({ labels: { 'harrier.dev/pool': 'peeking' } }),
      }),
    );
  });

  it('needs a namespace that admits hostPath: elsewhere the apiserver’s refusal is told', async () => {
    const pool = await newPool(baseline, 'strict', ASKING);
    const { message } = await conditionOf(pool, 'Degraded', 'RunnerRefused');
    expect(message).toContain('violates PodSecurity "baseline');
    expect(message).toContain('hostPath');
    const plain = await newPool(baseline, 'plain', {});
    expect(nodeCaches(await podOf(plain))).toEqual([]);
  });

  it('is not had where the installation does not allow it; the pool works without', async () => {
    const pool = await newPool(forbidden, 'asking', ASKING);
    expect(nodeCaches(await podOf(pool))).toEqual([]);
    const { status, message } = await conditionOf(pool, 'NodeLocalCache', 'NotAllowed');
    expect(status).toBe('False');
    expect(message).toContain('cache.nodeLocal.allowed');
    await pool.client.apply(
      RunnerPoolKind,
      {
        ...poolManifest(forbidden, 'asking', { cache: { nodeLocal: { enabled: false } } }),
      },
      { fieldManager: 'test', force: true },
    );
    await eventually(
      'the condition gone',
      async () => (await pool.condition('NodeLocalCache')) === undefined,
    );
  });
});
