import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunnerPoolKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { API_VERSION, FieldManager } from '../../../src/resources/group.ts';
import type { GetMetricsResponse } from '../../../src/runtime/keda/external_scaler.ts';
import { clientOf, eventually } from '../../controller/pool_in_cluster.ts';
import { create, poolManifest } from '../../resources/pool_manifest.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ApiProcess, startApi } from '../api_process.ts';
import { ref, scalerClient } from './question.ts';

const cluster = useCluster();
let kube: KubeClient;
let api: ApiProcess;
let scaler: ReturnType<typeof scalerClient>;
beforeAll(async () => {
  kube = clientOf(cluster.kubeconfig);
  await create(cluster, poolManifest('linux'));
  const { kubeconfig, namespace } = cluster;
  const env = { HARRIER_KEDA_PORT: '0' };
  api = await startApi({ kubeconfig, namespace, runners: namespace, env, ready: false });
  scaler = scalerClient(api.kedaAddress ?? '');
});
afterAll(async () => {
  scaler.close();
  await api.stop();
  await kube.close();
});

const setQueue = (queued: number, busyReplicas: number) =>
  kube.applyStatus(
    RunnerPoolKind,
    {
      apiVersion: API_VERSION,
      kind: 'RunnerPool',
      metadata: { namespace: cluster.namespace, name: 'linux' },
      status: { queued, busyReplicas },
    },
    { fieldManager: FieldManager.controller, force: true },
  );
const runners = async () => {
  const scaledObjectRef = ref({ pool: 'linux', minIdle: '1' }, cluster.namespace);
  const question = { scaledObjectRef, metricName: 'harrier-runners' };
  const { metricValues } = await scaler.ask<GetMetricsResponse>('GetMetrics', question);
  return metricValues[0]?.metricValueFloat;
};

test('the api tells KEDA what the controller wrote of the queue, as it changes', async () => {
  for (const [queued, busy] of [
    [4, 1],
    [0, 3],
    [0, 0],
  ] as const) {
    await setQueue(queued, busy);
    await eventually(
      `${queued} queued and ${busy} busy`,
      async () => (await runners()) === queued + busy + 1,
    );
  }
});

test('and ends in order while a stream to KEDA is open', async () => {
  const stream = await scaler.open('StreamIsActive', ref({ pool: 'linux' }, cluster.namespace));
  expect(stream).toEqual({ result: false });
  expect(await api.stop()).toBe(0);
});
