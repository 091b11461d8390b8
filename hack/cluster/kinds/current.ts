import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopOwned } from '../../processes/owned.ts';
import { run } from '../../run/command.ts';
import type { ClusterDriver, ClusterPlace } from '../cluster.ts';
import { isReady } from '../kubectl.ts';

/** The cluster of KUBECONFIG, or of ~/.kube/config, in its current context; never made nor removed by us. */
export const current: ClusterDriver = {
  async create(place) {
    place.note('the current context of kubectl');
    const kubeconfig = join(place.folder, 'current.kubeconfig');
    writeFileSync(kubeconfig, await currentContext(place), { mode: 0o600 });
    if (await isReady(place.binaries, kubeconfig)) return kubeconfig;
    throw new Error('the cluster of the current context does not answer /readyz');
  },
  isHealthy: (place, kubeconfig) => isReady(place.binaries, kubeconfig),
  isWanted: async (place, kubeconfig) => readFileSync(kubeconfig, 'utf8') === (await currentContext(place)),
  // Simulated nodes' kwok may have been started beside it.
  destroy: async ({ folder }) => {
    await stopOwned(folder);
  },
  async loadImage({ name }) {
    throw new Error(
      `cluster ${name} is not ours to load images into: push the image to a registry it pulls from, and name it in the chart's values`,
    );
  },
};

/** Flattened and minified, so that a later switch of the user's context does not move our work elsewhere. */
function currentContext({ binaries }: ClusterPlace): Promise<string> {
  return run(join(binaries, 'kubectl'), ['config', 'view', '--raw', '--flatten', '--minify']);
}
