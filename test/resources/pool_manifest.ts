import type { TestCluster } from '../support/cluster.ts';

export type Fields = Record<string, unknown>;

/** The least a RunnerPool may say. */
export function poolManifest(name: string, spec: Fields = {}): Fields {
  return {
    apiVersion: 'harrier.dev/v1alpha1',
    kind: 'RunnerPool',
    metadata: { name },
    spec: { template: template({}), ...spec },
  };
}

/** A pod template with one good runner container and the further PodSpec fields given. */
export function template(podSpec: Fields): Fields {
  return { spec: { containers: [{ name: 'runner', image: 'none' }], ...podSpec } };
}

export function tokenManifest(name: string, spec: Fields = {}): Fields {
  return {
    apiVersion: 'harrier.dev/v1alpha1',
    kind: 'RunnerToken',
    metadata: { name },
    spec: {
      podRef: { name: 'pod', uid: 'pod-uid' },
      poolRef: { name: 'pool', uid: 'pool-uid' },
      audiences: ['harrier'],
      ...spec,
    },
  };
}

/** What the apiserver made of the manifest; throws its refusal. Nothing is stored with `dryRun`. */
export async function create<T>(cluster: TestCluster, manifest: Fields, dryRun = false): Promise<T> {
  const options = dryRun ? ['--dry-run=server'] : [];
  const input = JSON.stringify(manifest);
  return JSON.parse(await cluster.kubectl('create', ...options, '-o', 'json', '-f', '-', { input })) as T;
}
