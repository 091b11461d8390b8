import type { ClusterKind } from './cluster.ts';
import { whyNoDocker } from './kinds/kind.ts';
import { whyNoNode } from './node/prerequisites.ts';

/** Nothing that runs pods can be had on this machine; the message says what each way lacks. */
export class NoClusterPossible extends Error {
  readonly code = 'NO_CLUSTER_POSSIBLE';
}

/** The best kind of cluster with a node that this machine can have: kind where Docker answers, else local. */
export async function chooseKind(
  reasons = { noDocker: whyNoDocker, noNode: async () => whyNoNode() },
): Promise<ClusterKind> {
  const noDocker = await reasons.noDocker();
  if (noDocker === undefined) return 'kind';
  const noNode = await reasons.noNode();
  if (noNode === undefined) return 'local';
  throw new NoClusterPossible(
    `no cluster can be made here: ${noDocker}, and ${noNode}. Start Docker, or run as root on Linux, or set CLUSTER=current to use your kubeconfig's cluster.`,
  );
}
