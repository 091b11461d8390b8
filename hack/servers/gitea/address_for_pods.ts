import { existingNetwork } from '../../cluster/node/network.ts';

/** Where the pods of a cluster reach what runs on this machine; undefined where they can't, or it is not known how. */
export async function addressForPods(cluster: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  return (await existingNetwork(cluster))?.hostAddress;
}
