import { create } from '../resources/pool_manifest.ts';
import type { TestCluster } from '../support/cluster.ts';

/** A Registration token without a controller behind it: its status is what the test says. */
export async function aRegistration(
  cluster: TestCluster,
  name: string,
  { spec = {}, status = {} }: { spec?: Record<string, unknown>; status?: Record<string, unknown> } = {},
): Promise<{ uid: string }> {
  return withStatus(
    cluster,
    name,
    { type: 'Registration', poolRef: { name: 'linux' }, usage: 'Reusable', ...spec },
    status,
  );
}

/** The identity of a runner that joined by the token of that name and UID. */
export async function aRunner(
  cluster: TestCluster,
  name: string,
  parent: { name: string; uid: string },
  status: Record<string, unknown> = {},
): Promise<{ uid: string }> {
  const spec = { type: 'Runtime', poolRef: { name: 'linux' }, runner: { name }, parentRef: parent };
  return withStatus(cluster, `runner-${name}`, spec, { phase: 'Active', ...status });
}

async function withStatus(
  cluster: TestCluster,
  name: string,
  spec: Record<string, unknown>,
  status: Record<string, unknown>,
): Promise<{ uid: string }> {
  const manifest = { apiVersion: 'harrier.dev/v1alpha1', kind: 'RunnerToken', metadata: { name }, spec };
  const { metadata } = await create<{ metadata: { uid: string } }>(cluster, manifest);
  const patch = JSON.stringify({ status: { conditions: [], ...status } });
  await cluster.kubectl('patch', 'rt', name, '--subresource=status', '--type=merge', '-p', patch);
  return metadata;
}
