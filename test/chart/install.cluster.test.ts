import { expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { CHART, helm } from './chart.ts';

const cluster = useCluster();

/** What is of the cluster and not of a namespace is left out: other tests share it. */
const OWN = ['--set', 'crds.install=false', '--set', 'userRoles.create=false'];

test('installed, upgraded without a change, uninstalled: nothing moves in between and nothing stays', {
  timeout: 120_000,
}, async () => {
  const release = (...args: string[]) =>
    helm([...args, '--kubeconfig', cluster.kubeconfig, '--namespace', cluster.namespace]);
  const objects = () =>
    cluster.kubectl(
      ...['get', 'deployments,services,roles,rolebindings,networkpolicies'],
      ...['-o', 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\\n"}{end}'],
    );
  const before = await objects();

  const notes = await release('upgrade', '--install', 'harrier', CHART, ...OWN);
  expect(notes).toContain('helm test harrier');
  expect(notes).toContain("WARNING: pools are served in Harrier's own namespace");
  const installed = await objects();
  expect(installed).toMatch(/Deployment\/harrier-api 1\n(.*\n)*Service\/harrier-api/);

  expect(await release('upgrade', '--install', 'harrier', CHART, ...OWN)).toContain('REVISION: 2');
  expect(await objects()).toBe(installed);

  const elsewhere = await cluster.newNamespace();
  const moved = await release(
    'upgrade',
    'harrier',
    CHART,
    ...OWN,
    '--set',
    `runnerNamespaces={${elsewhere}}`,
  );
  expect(moved).not.toContain('WARNING');
  expect(await cluster.kubectl('get', 'role', '--namespace', elsewhere, '-o', 'name')).toContain(
    'harrier-controller',
  );
  expect(await objects()).not.toMatch(/Role\/harrier-api /);

  await release('uninstall', 'harrier');
  expect(await objects()).toBe(before);
});
