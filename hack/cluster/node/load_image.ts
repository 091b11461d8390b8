import { ctr } from './containerd.ts';
import { type Enclosure, openEnclosure } from './enclosure.ts';
import { existingNetwork } from './network.ts';

/**
 * Loads a `docker save`-shaped tar into the containerd of the cluster's node,
 * after which pods with an imagePullPolicy other than Always start from it.
 */
export async function loadNodeImage(name: string, folder: string, tar: string): Promise<void> {
  const network = await existingNetwork(name);
  if (network === undefined) throw new Error(`cluster ${name} has no network, hence no node`);
  await importImage(openEnclosure(name, folder, network), tar);
}

export async function importImage(enclosure: Enclosure, tar: string): Promise<void> {
  await ctr(enclosure, ['images', 'import', tar]);
}
