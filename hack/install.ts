import type { Cluster } from './cluster/cluster.ts';
import type { Note } from './progress.ts';
import { run } from './run/command.ts';
import { buildImages, type Images, loadImages } from './run/images.ts';
import { kubectl } from './run/kubectl.ts';

export const SYSTEM_NAMESPACE = 'harrier-system';
export const RUNNER_NAMESPACE = 'runners';

/**
 * Makes the images known to the cluster and installs the chart from this checkout; what is right already is left.
 * `forgeHosts` are hosts of forges that are on no public network.
 */
export async function installHarrier(
  cluster: Cluster,
  note: Note,
  {
    runnerNamespaces = [RUNNER_NAMESPACE],
    forgeHosts = [],
  }: { runnerNamespaces?: readonly string[]; forgeHosts?: readonly string[] } = {},
): Promise<Images> {
  const images = await buildImages(note);
  await loadImages(cluster, [images.harrier, images.demoJob], note);
  await namespaces(cluster, [SYSTEM_NAMESPACE, ...runnerNamespaces]);
  note('helm upgrade --install');
  const [repository = '', tag = ''] = images.harrier.versioned.split(':');
  await run(cluster.helm, [
    '--kubeconfig',
    cluster.kubeconfig,
    ...['upgrade', '--install', 'harrier', new URL('../charts/harrier', import.meta.url).pathname],
    ...['--namespace', SYSTEM_NAMESPACE, '--wait', '--timeout', '180s'],
    ...['--set', `runnerNamespaces={${runnerNamespaces.join(',')}}`],
    ...['--set-json', `forges.allowedHosts=${JSON.stringify(['*', ...forgeHosts])}`],
    ...['--set-string', `image.repository=${repository},image.tag=${tag}`],
  ]);
  return images;
}

/** Marks what `make clean` may remove again from a cluster that was there before. */
export const MADE_HERE = 'harrier.dev/made-by=make-run';

/** Makes those that are missing. Runners and Harrier itself keep to the strictest Pod Security Standard: they enforce it. */
export async function namespaces(cluster: Cluster, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const found = await kubectl(cluster, ['get', 'namespace', name, '--ignore-not-found', '-o', 'name']);
    if (found.trim() !== '') continue;
    await kubectl(cluster, ['create', 'namespace', name]);
    await kubectl(cluster, [
      'label',
      'namespace',
      name,
      MADE_HERE,
      'pod-security.kubernetes.io/enforce=restricted',
    ]);
  }
}
