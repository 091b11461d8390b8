import type { ConfigMap } from '../../src/kube/kinds.ts';

/** A ConfigMap as the apiserver would answer it. */
export function configMap(
  name: string,
  uid: string,
  version: number | string,
  rest: { namespace?: string; data?: Record<string, string>; labels?: Record<string, string> } = {},
): ConfigMap {
  const { namespace = 'ns', data, labels } = rest;
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: String(version),
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(labels ? { labels } : {}),
    },
    ...(data ? { data } : {}),
  };
}
