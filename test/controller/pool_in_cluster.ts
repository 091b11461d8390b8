import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { runnerPodKind, secretHeadKind } from '../../src/controller/kinds.ts';
import { createKubeClient } from '../../src/kube/client.ts';
import { LeaseKind, RunnerPoolKind, RunnerTokenKind } from '../../src/kube/kinds.ts';
import type { KubeClient, Manifest } from '../../src/kube/types.ts';
import { API_VERSION, FieldManager } from '../../src/resources/group.ts';
import type { RunnerState } from '../../src/resources/runner_token.ts';

export function clientOf(kubeconfig: string): KubeClient {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  return createKubeClient({ kubeConfig });
}

/** A pool whose pods no real scheduler places: the test plays kubelet, runner and api. */
export function poolManifest(namespace: string, name: string, spec: Record<string, unknown> = {}): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerPool',
    metadata: { namespace, name },
    spec: {
      replicas: 1,
      template: {
        spec: {
          nodeSelector: { 'harrier.dev/test': 'nowhere' },
          containers: [{ name: 'runner', image: 'job.example.test/job:1' }],
        },
      },
      ...spec,
    },
  };
}

/** One pool of a namespace, as the test sees it and as everything outside the controller acts on it. */
export class PoolInCluster {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;

  constructor(client: KubeClient, namespace: string, name: string) {
    this.client = client;
    this.namespace = namespace;
    this.name = name;
  }

  get = () => this.client.get(RunnerPoolKind, this.namespace, this.name);
  pods = async () => (await this.client.list(runnerPodKind, this.namespace)).items;
  tokens = async () => (await this.client.list(RunnerTokenKind, this.namespace)).items;
  runnerSecrets = async () =>
    (await this.client.list(secretHeadKind, this.namespace)).items.filter((one) =>
      one.metadata.name.endsWith('-token'),
    );

  /** Pods that are neither finished nor being deleted. */
  async live() {
    const ended = ['Succeeded', 'Failed'];
    return (await this.pods()).filter(
      (pod) => pod.metadata.deletionTimestamp === undefined && !ended.includes(pod.phase),
    );
  }

  async condition(type: string) {
    return (await this.get())?.status?.conditions.find((one) => one.type === type);
  }

  /** What the api writes when the runner reports; the runner container runs by then. */
  async report(podName: string, state: RunnerState): Promise<void> {
    await this.podStatus(podName, 'Running', { running: { startedAt: wholeSeconds(new Date()) } }, true);
    await this.tokenStatus(podName, { runner: { state, since: new Date().toISOString() } }, FieldManager.api);
  }

  async tokenStatus(podName: string, status: Record<string, unknown>, fieldManager: string): Promise<void> {
    await this.client.applyStatus(
      RunnerTokenKind,
      {
        apiVersion: API_VERSION,
        kind: 'RunnerToken',
        metadata: { namespace: this.namespace, name: podName },
        status,
      },
      { fieldManager, force: true },
    );
  }

  /** What kubelet writes when the pod's containers have ended. */
  async endPod(podName: string, phase: 'Succeeded' | 'Failed', exitCode = 0): Promise<void> {
    const state = { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } };
    await this.podStatus(podName, phase, state, false);
  }

  private async podStatus(podName: string, phase: string, state: object, ready: boolean): Promise<void> {
    const shared = { ready, restartCount: 0, image: 'job', imageID: '' };
    await this.client.applyStatus(
      runnerPodKind,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: this.namespace, name: podName },
        status: { phase, containerStatuses: [{ name: 'runner', state, ...shared }] },
      },
      { fieldManager: 'test-kubelet', force: true },
    );
  }

  /** Ends the wait of the next controller for a killed one's Lease. */
  async forgetLease(): Promise<void> {
    await this.client.delete(LeaseKind, this.namespace, 'harrier-controller');
  }
}

/** As Kubernetes writes a time. */
function wholeSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Polls until the look gives something other than undefined or false; tells what it waited for when it gives up. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 45_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
