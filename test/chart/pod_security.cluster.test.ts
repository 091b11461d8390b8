import { beforeAll, describe, expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { kinds, type Manifest, only, render } from './chart.ts';

const cluster = useCluster();
let restricted: string;
let manifests: Manifest[];

beforeAll(async () => {
  restricted = await cluster.newNamespace();
  await cluster.kubectl('label', 'namespace', restricted, 'pod-security.kubernetes.io/enforce=restricted');
  for (const account of ['harrier-controller', 'harrier-api'])
    await cluster.kubectl('create', 'serviceaccount', account, '--namespace', restricted);
  const values = {
    router: { enabled: true, cells: { '1': { url: 'http://api' } } },
    networkPolicy: { routerFrom: [{ podSelector: {} }] },
  };
  manifests = await render({ namespace: restricted, values });
});

const create = (pod: Manifest) =>
  cluster.kubectl('create', '--dry-run=server', '--namespace', restricted, '-f', '-', {
    input: JSON.stringify(pod),
  });

/** Pods as the Deployment's controller would make them, and the one of `helm test`. */
function pods(): Manifest[] {
  const deployed = kinds(manifests, 'Deployment').map(({ metadata, spec }) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...spec.template.metadata, name: metadata.name, namespace: restricted },
    spec: spec.template.spec,
  }));
  return [...deployed, only(manifests, 'Pod', 'harrier-test')];
}

describe('a namespace that enforces the restricted Pod Security Standard', () => {
  test('takes every pod of the chart', async () => {
    expect(pods()).toHaveLength(4);
    for (const pod of pods()) expect(await create(pod)).toContain('created');
  });

  test('would refuse them for a single right more', async () => {
    for (const pod of pods()) {
      const [container, ...others] = pod.spec.containers;
      const securityContext = { ...container.securityContext, allowPrivilegeEscalation: true };
      const spec = { ...pod.spec, containers: [{ ...container, securityContext }, ...others] };
      await expect(create({ ...pod, spec })).rejects.toThrow('violates PodSecurity "restricted');
    }
  });
});

test('beyond the standard: a root nobody can write to, and limits', () => {
  for (const pod of pods())
    for (const container of pod.spec.containers) {
      expect(container.securityContext.readOnlyRootFilesystem).toBe(true);
      expect(container.resources).toMatchObject({
        requests: { cpu: expect.anything() },
        limits: { memory: expect.anything() },
      });
    }
});
