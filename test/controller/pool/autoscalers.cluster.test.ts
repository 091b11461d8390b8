import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../../hack/cluster/cluster.ts';
import { clusterDown, clusterUp } from '../../../hack/cluster/cluster_up.ts';
import {
  SIMULATED_NODE_SELECTOR,
  type SimulatedNodes,
  startSimulatedNodes,
} from '../../../hack/cluster/simulated_nodes/start.ts';
import { clusterFolder } from '../../../hack/cluster/state.ts';
import { run } from '../../../hack/run/command.ts';
import type { Pod } from '../../../src/kube/kinds.ts';
import type { RunnerPool } from '../../../src/resources/runner_pool.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { eventually } from '../pool_in_cluster.ts';
import { type MetricsApis, metricsApiManifests, startMetricsApis } from './metrics_apis.ts';

const CRDS = join(import.meta.dirname, '../../../crds');
const NAMESPACE = 'ci';
/** A step of the HPA is made of a round of its own, of the controller's, and of a pod's start, on a busy machine. */
const STEP_MS = 60_000;

/**
 * On a control plane of its own: a metrics API that goes with its test would break what else a shared one does. The
 * autoscaler is the controller-manager's own, and pods start on simulated nodes; only what the pods use is invented.
 */
describe.runIf(process.platform === 'linux')('what scales a pool from outside', { timeout: 180_000 }, () => {
  const name = `autoscalers-${randomBytes(3).toString('hex')}`;
  let cluster: Cluster;
  let nodes: SimulatedNodes;
  let metrics: MetricsApis;
  let controller: ControllerProcess;

  const kubectl = (...args: string[]) => kubectlWith('', ...args);
  const kubectlWith = (input: string, ...args: string[]) =>
    run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, '--namespace', NAMESPACE, ...args], {
      input,
      timeoutMs: 60_000,
    });
  const json = async <T>(...args: string[]) => JSON.parse(await kubectl(...args, '-o', 'json')) as T;
  const apply = (...objects: object[]) =>
    kubectlWith(objects.map((one) => JSON.stringify(one)).join('\n---\n'), 'apply', '-f', '-');

  beforeAll(async () => {
    cluster = await clusterUp({ name, kind: 'controlplane', temporary: true });
    await kubectl('apply', '--server-side', '-f', CRDS);
    await kubectl('wait', '--for=condition=Established', '--timeout=30s', '-f', CRDS);
    await kubectl('create', 'namespace', NAMESPACE);
    nodes = await startSimulatedNodes(cluster, 1);
    metrics = await startMetricsApis(clusterFolder(name), async (namespace, labelSelector) => {
      const { items } = await json<{ items: Pod[] }>('get', 'pods', '-n', namespace, '-l', labelSelector);
      return items
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata, spec }) => ({
          name: metadata.name,
          labels: metadata.labels ?? {},
          containers: [...spec.containers, ...(spec.initContainers ?? [])].map((one) => one.name),
        }));
    });
    await apply(...metricsApiManifests(metrics, NAMESPACE));
    for (const group of ['metrics.k8s.io', 'external.metrics.k8s.io'])
      await kubectl('wait', '--for=condition=Available', '--timeout=60s', `apiservice/v1beta1.${group}`);
    controller = startController({ kubeconfig: cluster.kubeconfig, namespace: NAMESPACE });
  }, 180_000);
  afterAll(async () => {
    await controller?.kill('SIGTERM');
    await metrics?.close();
    await nodes?.stop();
    await clusterDown(name);
  }, 60_000);

  const pool = (poolName: string, replicas?: number) => ({
    apiVersion: 'harrier.dev/v1alpha1',
    kind: 'RunnerPool',
    metadata: { name: poolName, namespace: NAMESPACE },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      template: {
        spec: {
          nodeSelector: SIMULATED_NODE_SELECTOR,
          containers: [{ name: 'runner', image: 'none', resources: { requests: { cpu: '100m' } } }],
        },
      },
    },
  });
  const get = (poolName: string) => json<RunnerPool>('get', 'rp', poolName, '--show-managed-fields');
  async function running(poolName: string): Promise<number> {
    const { items } = await json<{ items: Pod[] }>('get', 'pods', '-l', `harrier.dev/pool=${poolName}`);
    return items.filter(
      ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === 'Running',
    ).length;
  }
  const becomes = (poolName: string, count: number) =>
    eventually(
      `${poolName} has ${count} runners`,
      async () => {
        const { spec, status } = await get(poolName);
        const seen = [spec.replicas, status?.replicas, await running(poolName)];
        return seen.every((one) => one === count);
      },
      STEP_MS,
    );
  /** Who has ever said how many runners there should be. */
  async function managersOfReplicas(poolName: string): Promise<string[]> {
    const { metadata } = await get(poolName);
    type Managed = { manager: string; subresource?: string; fieldsV1: { 'f:spec'?: object } };
    const { managedFields } = metadata as unknown as { managedFields: Managed[] };
    return managedFields
      .filter(({ fieldsV1 }) => 'f:replicas' in (fieldsV1['f:spec'] ?? {}))
      .map(({ manager, subresource }) => `${manager}${subresource === undefined ? '' : `/${subresource}`}`);
  }

  test('kubectl scale: up, to none, and back', async () => {
    await apply(pool('scaled'));
    await becomes('scaled', 1);
    await kubectl('scale', 'rp/scaled', '--replicas=3');
    await becomes('scaled', 3);
    expect(await managersOfReplicas('scaled')).toEqual(['kubectl/scale']);
    await kubectl('scale', 'rp/scaled', '--replicas=0');
    await becomes('scaled', 0);
    await kubectl('scale', 'rp/scaled', '--replicas=2', '--current-replicas=0');
    await becomes('scaled', 2);
    // Kubernetes forgets who scaled to none: a Scale of 0 says nothing of replicas.
    expect((await managersOfReplicas('scaled')).filter((one) => one.startsWith('harrier'))).toEqual([]);
    const scale = JSON.parse(
      await kubectl(
        'get',
        '--raw',
        `/apis/harrier.dev/v1alpha1/namespaces/${NAMESPACE}/runnerpools/scaled/scale`,
      ),
    );
    expect(scale).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 2 },
      status: { replicas: 2, selector: 'harrier.dev/pool=scaled' },
    });
  });

  test('kubectl autoscale: by the CPU that the runners use, within its limits', async () => {
    await apply(pool('cpu'));
    await becomes('cpu', 1);
    // The runner asks for 100m and the sidecar for 10m: at a half of it, three use 165m.
    metrics.cpuOfAll = 165;
    await kubectl('autoscale', 'rp/cpu', '--min=1', '--max=4', '--cpu=50%');
    await becomes('cpu', 3);
    metrics.cpuOfAll = 5_000;
    await becomes('cpu', 4);
    metrics.cpuOfAll = 10;
    const atOnce = { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } } };
    await kubectl('patch', 'hpa', 'cpu', '--type=merge', '-p', JSON.stringify(atOnce));
    await becomes('cpu', 1);
    expect(await managersOfReplicas('cpu')).toEqual(['kube-controller-manager/scale']);
  });

  test('an HPA by an external metric, as KEDA makes it, and scaled to none by hand while it stands', async () => {
    await apply(pool('queue'), {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'queue', namespace: NAMESPACE },
      spec: {
        scaleTargetRef: { apiVersion: 'harrier.dev/v1alpha1', kind: 'RunnerPool', name: 'queue' },
        minReplicas: 1,
        maxReplicas: 6,
        metrics: [
          {
            type: 'External',
            external: {
              metric: { name: 's0-harrier-runners' },
              target: { type: 'AverageValue', averageValue: '1' },
            },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      },
    });
    metrics.external.set('s0-harrier-runners', 4);
    await becomes('queue', 4);
    metrics.external.set('s0-harrier-runners', 100);
    await becomes('queue', 6);
    metrics.external.set('s0-harrier-runners', 0);
    await becomes('queue', 1);

    // The HPA's own rule: at none it stands still until somebody scales to some.
    await kubectl('scale', 'rp/queue', '--replicas=0');
    await becomes('queue', 0);
    metrics.external.set('s0-harrier-runners', 3);
    await kubectl(
      'wait',
      '--for=jsonpath={.status.conditions[?(@.type=="ScalingActive")].reason}=ScalingDisabled',
      '--timeout=60s',
      'hpa/queue',
    );
    await becomes('queue', 0);
    await kubectl('scale', 'rp/queue', '--replicas=1');
    await becomes('queue', 3);
    const managers = await managersOfReplicas('queue');
    expect(managers.filter((one) => one.startsWith('harrier'))).toEqual([]);
  });

  test('a manifest that says no replicas is applied again without taking them from the autoscaler', async () => {
    const before = (await get('queue')).spec.replicas;
    expect(before).toBeGreaterThan(1);
    await apply(pool('queue'));
    expect((await get('queue')).spec.replicas).toBe(before);
  });
});
