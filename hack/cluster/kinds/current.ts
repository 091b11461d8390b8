import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../run/command.ts';
import type { ClusterDriver } from '../cluster.ts';
import { isReady } from '../kubectl.ts';

/** The cluster of KUBECONFIG, or of ~/.kube/config, in its current context; never made nor removed by us. */
export const current: ClusterDriver = {
  async create({ binaries, folder, note }) {
    note('the current context of kubectl');
    // Flattened and minified, so that a later switch of the user's context does not move our work elsewhere.
    const config = await run(join(binaries, 'kubectl'), ['config', 'view', '--raw', '--flatten', '--minify']);
    const kubeconfig = join(folder, 'current.kubeconfig');
    writeFileSync(kubeconfig, config, { mode: 0o600 });
    if (!(await isReady(binaries, kubeconfig)))
      throw new Error('the cluster of the current context does not answer /readyz');
    return kubeconfig;
  },
  // Taken anew each time: the context may have changed since.
  isHealthy: async () => false,
  destroy: async () => {},
  async loadImage({ name }) {
    throw new Error(
      `cluster ${name} is not ours to load images into: push the image to a registry it pulls from, and name it in the chart's values`,
    );
  },
};
