import type { KubeClient } from '../kube/types.ts';
import type { Given, Option } from './command.ts';

/** Options of every command that talks to a cluster. */
export const CLUSTER_OPTIONS = {
  namespace: { type: 'string', short: 'n', value: 'NAME', help: "namespace; by default the context's own" },
  context: { type: 'string', value: 'NAME', help: 'context of the kubeconfig; by default its current one' },
  kubeconfig: { type: 'string', value: 'FILE', help: 'by default KUBECONFIG or ~/.kube/config' },
} as const satisfies Record<string, Option>;

export interface Cluster {
  client: KubeClient;
  namespace: string;
}

/** Does something with the cluster that the command line means. The client is loaded here: it takes its time. */
export async function withCluster(given: Given, work: (cluster: Cluster) => Promise<void>): Promise<void> {
  const [{ createKubeClient }, { chooseContext }] = await Promise.all([
    import('../kube/client.ts'),
    import('../kube/choose_context.ts'),
  ]);
  const file = given.text('kubeconfig');
  const context = given.text('context');
  const chosen = chooseContext({
    ...(file === undefined ? {} : { file }),
    ...(context === undefined ? {} : { context }),
  });
  const client = createKubeClient({ kubeConfig: chosen.kubeConfig });
  try {
    await work({ client, namespace: given.text('namespace') ?? chosen.namespace });
  } finally {
    await client.close();
  }
}
