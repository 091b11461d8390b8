/** `make clean`: takes away everything that `make run` and `make image` made, the cached programs aside. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from './binaries/pinned.ts';
import { CLUSTER_PROGRAMS, platformOf } from './binaries/programs.ts';
import { clusterDown, findCluster } from './cluster/cluster_up.ts';
import { readState } from './cluster/state.ts';
import { imageFolder } from './image/shelf.ts';
import { MADE_HERE, SYSTEM_NAMESPACE } from './install.ts';
import { step } from './progress.ts';
import { run } from './run/command.ts';
import { kubectl } from './run/kubectl.ts';
import { FIRST_POOL } from './run/pool.ts';
import { removeStandingGitea } from './servers/gitea/standing.ts';

const { values } = parseArgs({
  options: {
    cluster: { type: 'string' },
    name: { type: 'string', default: process.env.HARRIER_CLUSTER || 'harrier' },
  },
});

if (readState(values.name)?.kind === 'current')
  await step('Harrier in the current cluster', removeFromCurrent);
await step('its Gitea', () => removeStandingGitea(values.name));
await step(`cluster ${values.name}`, (note) => clusterDown(values.name, note));
await step('dist and the images', async () => {
  for (const made of [new URL('../dist', import.meta.url).pathname, imageFolder()])
    await rm(made, { recursive: true, force: true });
});
console.log(
  `The cached programs are kept for the next run: ${dirname(cacheFolder(CLUSTER_PROGRAMS, platformOf(process.platform, process.arch)))}`,
);

/** A cluster that was there before stays: only what was put into it goes, pools before the controller that drains them. */
async function removeFromCurrent(): Promise<void> {
  const cluster = await findCluster(values.name);
  if (cluster === undefined) return;
  await kubectl(cluster, ['delete', '--ignore-not-found', '--timeout=120s', '-f', FIRST_POOL]);
  await run(cluster.helm, [
    ...['--kubeconfig', cluster.kubeconfig, '-n', SYSTEM_NAMESPACE],
    ...['uninstall', 'harrier', '--ignore-not-found', '--wait'],
  ]);
  await kubectl(cluster, ['delete', 'crd', '-l', 'app.kubernetes.io/part-of=harrier', '--ignore-not-found']);
  await kubectl(cluster, ['delete', 'namespace', '-l', MADE_HERE]);
}
