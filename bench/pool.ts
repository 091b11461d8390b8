import { pino } from 'pino';
import { createInformer } from '../src/kube/informer.ts';
import { type Pod, PodKind, RunnerPoolKind } from '../src/kube/kinds.ts';
import type { Informer } from '../src/kube/types.ts';
import { API_VERSION, Label } from '../src/resources/group.ts';
import type { Lab } from './lab.ts';

/** A pool whose pods run on simulated nodes; their programs never run, so the image is only a name. */
export function simulatedPool(namespace: string, name: string, replicas: number) {
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerPool',
    metadata: { name, namespace },
    spec: {
      replicas,
      template: {
        spec: {
          nodeSelector: { type: 'kwok' },
          tolerations: [{ key: 'kwok.x-k8s.io/node', operator: 'Exists' }],
          containers: [{ name: 'runner', image: 'simulated' }],
        },
      },
      lifecycle: { startupTimeout: '24h' },
      cache: { limits: { repositoryQuota: '100Gi', creationsPerMinute: 1_000_000 } },
    },
  };
}

export async function applyPool(lab: Lab, name: string, replicas: number): Promise<void> {
  await lab.client.apply(RunnerPoolKind, simulatedPool(lab.namespace, name, replicas), {
    fieldManager: 'bench',
    force: true,
  });
}

const isRunning = (pod: Pod) =>
  pod.status?.phase === 'Running' && pod.metadata.deletionTimestamp === undefined;

/** Watches a namespace's pods; `until` resolves as soon as a count of all or of the running ones is reached. */
export async function watchPods(lab: Lab, namespace: string, pool?: string) {
  const informer: Informer<Pod> = createInformer({
    client: lab.client,
    kind: PodKind,
    namespaces: [namespace],
    ...(pool === undefined ? {} : { labelSelector: `${Label.pool}=${pool}` }),
    log: pino({ level: 'silent' }),
  });
  await informer.start();
  const until = (count: (pods: readonly Pod[]) => boolean, what: string, timeoutMs = 180_000) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${what} was not reached in ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const check = () => {
        if (!count(informer.store.list())) return;
        clearTimeout(timer);
        resolve();
      };
      informer.onChange(check);
      check();
    });
  return {
    pods: () => informer.store.list(),
    running: (wanted: number) =>
      until(
        (pods) => pods.length >= wanted && pods.filter(isRunning).length >= wanted,
        `${wanted} running pods`,
      ),
    none: () => until((pods) => pods.length === 0, 'an empty namespace'),
    stop: () => informer.stop(),
  };
}

/** The pool's runners, brought up; `gone` scales it to none and waits until nothing of it is left. */
export async function runnersOf(lab: Lab, pool: string, replicas: number) {
  const watched = await watchPods(lab, lab.namespace, pool);
  await applyPool(lab, pool, replicas);
  await watched.running(replicas);
  return {
    pods: watched.pods().filter((pod) => pod.metadata.deletionTimestamp === undefined),
    async gone() {
      await applyPool(lab, pool, 0);
      await watched.none();
      await watched.stop();
    },
  };
}
