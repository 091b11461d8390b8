import type { Cluster } from '../cluster/cluster.ts';
import { RUNNER_NAMESPACE } from '../install.ts';
import type { Outcome } from './job.ts';
import { kubectl } from './kubectl.ts';
import type { Refusal } from './refusal.ts';

/** What `make run` has shown at its end. */
export type Shown = Outcome & { refusal: Refusal };

/** Told while all of it still runs; answers whether all was right. */
export type Tell = (shown: Shown) => Promise<boolean>;

/** Prints it, with what kubectl says of the pool and the three commands to try next; answers whether all was right. */
export async function report(cluster: Cluster, { saved, restored, refusal }: Shown): Promise<boolean> {
  const hit = restored.hit ? 'hit' : 'MISS';
  const bytes = restored.intact ? 'the same bytes' : 'OTHER BYTES';
  console.log(`
${await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'get', 'rp,rt,pods'])}
saved     ${saved.bytes} bytes by @actions/cache in ${saved.pod} at ${saved.mbPerSecond} MB/s
restored  ${restored.bytes} bytes in ${restored.pod} at ${restored.mbPerSecond} MB/s: ${hit}, ${bytes}
refused   the token of ${refusal.pod} ${refusal.milliseconds.toFixed(1)} ms after its pod's delete was sent (${refusal.challenge})

Next:
  export KUBECONFIG=${cluster.kubeconfig} PATH=${cluster.kubectl.replace(/\/kubectl$/, '')}:$PATH
  kubectl -n ${RUNNER_NAMESPACE} scale rp/first --replicas=5
  kubectl -n ${RUNNER_NAMESPACE} get rt --watch`);
  return restored.hit && restored.intact;
}
