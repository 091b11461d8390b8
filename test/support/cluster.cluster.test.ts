import { describe, expect, test } from 'vitest';
import { useCluster } from './cluster.ts';

const cluster = useCluster();

describe('the cluster of a test file', () => {
  test('has a namespace in which objects can be made', async () => {
    const input = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { b: 'c' },
    });
    await cluster.kubectl('apply', '-f', '-', { input });
    const found = await cluster.kubectlJson<{ metadata: { namespace: string }; data: unknown }>(
      ...['get', 'configmap', 'a'],
    );
    expect(found.metadata.namespace).toBe(cluster.namespace);
    expect(found.data).toEqual({ b: 'c' });
  });

  test('takes a pod, whose service account is there', async () => {
    await cluster.kubectl('run', 'pod', '--image=none');
    expect(await cluster.kubectl('get', 'pod', 'pod', '-o', 'jsonpath={.spec.serviceAccountName}')).toBe(
      'default',
    );
  });

  test('has further namespaces', async () => {
    const other = await cluster.newNamespace();
    expect(other).not.toBe(cluster.namespace);
    expect(await cluster.kubectl('get', 'configmap', '--namespace', other, '-o', 'name')).toContain(
      'kube-root-ca.crt',
    );
  });

  test('refuses what an apiserver refuses', async () => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'NOT A NAME' } });
    await expect(cluster.kubectl('apply', '-f', '-', { input })).rejects.toThrow(/metadata.name/);
  });
});
