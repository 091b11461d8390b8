import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeGroups } from './control_groups.ts';
import { removeNetwork } from './network.ts';

/**
 * Ends every process of the cluster's node, containers and shims included, and removes its control groups,
 * folders and network. Its mounts go with the last process, as they are in no other mount namespace.
 * It needs no record of what was started, so that it also takes back what a kill -9 left.
 */
export async function stopNode(name: string, folder: string): Promise<void> {
  await removeGroups(name);
  // A namespace of mounts is taken apart a moment after its last process has gone.
  await rm(join(folder, 'node'), { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  await removeNetwork(name);
}
