/** `make run`: from a fresh machine to a real job through a real pool. Doing it again changes nothing that is right. */
import { parseArgs } from 'node:util';
import { CLUSTER_KINDS } from './cluster/cluster.ts';
import { clusterUp } from './cluster/cluster_up.ts';
import { step } from './progress.ts';
import { onGitea, whyNotOnGitea } from './run/on_gitea.ts';
import { onHost } from './run/on_host.ts';
import { onNodes } from './run/on_nodes.ts';
import { report } from './run/report.ts';

const { values } = parseArgs({
  options: {
    cluster: { type: 'string' },
    forge: { type: 'string' },
    name: { type: 'string', default: process.env.HARRIER_CLUSTER || 'harrier' },
  },
});
// A KUBECONFIG that is set is a choice as well.
const wanted = values.cluster ?? (process.env.KUBECONFIG ? 'current' : undefined);
const kind = CLUSTER_KINDS.find((known) => known === wanted);
if (wanted !== undefined && kind === undefined) {
  console.error(`there is no CLUSTER=${wanted}: one of ${CLUSTER_KINDS.join(', ')}`);
  process.exit(2);
}

if (values.forge !== undefined && values.forge !== 'gitea') {
  console.error(`there is no FORGE=${values.forge}: only gitea can be had without an account elsewhere`);
  process.exit(2);
}
const forgeKind = kind ?? 'local';
const refusal = values.forge === undefined ? undefined : whyNotOnGitea(forgeKind);
if (refusal !== undefined) {
  console.error(refusal);
  process.exit(2);
}

try {
  const wantedKind = values.forge === undefined ? kind : forgeKind;
  const cluster = await step('a cluster', (note) => clusterUp({ name: values.name, kind: wantedKind, note }));
  const show = cluster.kind === 'controlplane' ? onHost : onNodes;
  const right =
    values.forge === undefined
      ? await show(cluster, (shown) => report(cluster, shown))
      : await onGitea(cluster);
  if (!right) process.exitCode = 1;
} catch (error) {
  console.error(`\nmake run did not get through: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
