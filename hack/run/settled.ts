import type { Cluster } from '../cluster/cluster.ts';
import { RUNNER_NAMESPACE, SYSTEM_NAMESPACE } from '../install.ts';
import type { Note } from '../progress.ts';
import { kubectl } from './kubectl.ts';

interface Pods {
  items: {
    metadata: { name: string; deletionTimestamp?: string };
    spec: { initContainers?: { image: string }[] };
  }[];
}

/**
 * Waits until every runner pod has the sidecar of the Harrier that is installed now: after an upgrade the old
 * controller may still lead for a moment, and what it calls a settled pool is about to be replaced.
 */
export async function settledAfterUpgrade(cluster: Cluster, note: Note, patienceMs = 120_000): Promise<void> {
  const path = 'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="HARRIER_IMAGE")].value}';
  const wanted = await kubectl(cluster, [
    '-n',
    SYSTEM_NAMESPACE,
    'get',
    'deploy',
    'harrier-controller',
    '-o',
    path,
  ]);
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const pods = JSON.parse(
      await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'get', 'pods', '-o', 'json']),
    ) as Pods;
    const old = pods.items.filter(
      ({ metadata, spec }) =>
        metadata.deletionTimestamp === undefined && spec.initContainers?.[0]?.image !== wanted,
    );
    if (old.length === 0) return;
    note(`${old.length} runners of the older image`);
    if (Date.now() > deadline)
      throw new Error(`${old.length} runners still have an older image than ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
