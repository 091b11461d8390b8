/** `make run`: from a fresh machine to a real job through a real pool. Doing it again changes nothing that is right. */
import { parseArgs } from 'node:util';
import { CLUSTER_KINDS } from './cluster/cluster.ts';
import { clusterUp } from './cluster/cluster_up.ts';
import { installHarrier } from './install.ts';
import { step } from './progress.ts';
import { cacheJob } from './run/job.ts';
import { kubectl } from './run/kubectl.ts';
import { firstPool, idleRunners, POOL_NAMESPACE } from './run/pool.ts';
import { tokenRefusal } from './run/refusal.ts';

const { values } = parseArgs({
  options: { cluster: { type: 'string' }, name: { type: 'string', default: 'harrier' } },
});
const kind = CLUSTER_KINDS.find((known) => known === values.cluster);
if (values.cluster !== undefined && kind === undefined) {
  console.error(`there is no CLUSTER=${values.cluster}: one of ${CLUSTER_KINDS.join(', ')}`);
  process.exit(2);
}

try {
  const cluster = await step('a cluster', (note) => clusterUp({ name: values.name, kind, note }));
  await step('the image and the chart', (note) => installHarrier(cluster, note));
  await step('a pool of 3', (note) => firstPool(cluster, note));
  const { saved, restored } = await step('a job saves 64 MiB in one runner, another restores them', (note) =>
    cacheJob(cluster, note),
  );
  const refusal = await step("a runner's pod is deleted", (note) => tokenRefusal(cluster, note));
  await step('the pool fills up again', (note) => idleRunners(cluster, 3, note));

  console.log(`
${await kubectl(cluster, ['-n', POOL_NAMESPACE, 'get', 'rp,rt,pods'])}
saved     ${saved.bytes} bytes by @actions/cache in ${saved.pod} at ${saved.mbPerSecond} MB/s
restored  ${restored.bytes} bytes in ${restored.pod} at ${restored.mbPerSecond} MB/s: ${restored.hit ? 'hit' : 'MISS'}, ${restored.intact ? 'the same bytes' : 'OTHER BYTES'}
refused   the token of ${refusal.pod} ${refusal.milliseconds.toFixed(1)} ms after its pod's delete was sent (${refusal.challenge})

Next:
  export KUBECONFIG=${cluster.kubeconfig}
  ${cluster.kubectl} -n ${POOL_NAMESPACE} scale rp/first --replicas=5
  ${cluster.kubectl} -n ${POOL_NAMESPACE} get rt --watch`);
  if (!restored.hit || !restored.intact) process.exitCode = 1;
} catch (error) {
  console.error(`\nmake run did not get through: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
