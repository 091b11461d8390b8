import type { Manifest } from '../../src/kube/types.ts';

export function configMapManifest(
  namespace: string,
  name: string,
  data: Record<string, string> = {},
  metadata: Record<string, unknown> = {},
): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ...metadata }, data };
}

export function poolManifest(namespace: string, name: string): Manifest {
  return {
    apiVersion: 'harrier.dev/v1alpha1',
    kind: 'RunnerPool',
    metadata: { name, namespace },
    spec: { replicas: 2, template: { spec: { containers: [{ name: 'runner', image: 'job:1' }] } } },
  };
}
