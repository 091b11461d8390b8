import type { Cluster } from '../cluster/cluster.ts';
import { run } from './command.ts';

/** kubectl on that cluster; answers what it printed. */
export function kubectl(cluster: Cluster, args: readonly string[], input?: string): Promise<string> {
  return run(
    cluster.kubectl,
    ['--kubeconfig', cluster.kubeconfig, ...args],
    input === undefined ? {} : { input },
  );
}
