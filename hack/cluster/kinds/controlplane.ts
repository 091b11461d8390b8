import { allOwnedAlive, stopOwned } from '../../processes/owned.ts';
import type { ClusterDriver } from '../cluster.ts';
import { startControlPlane } from '../control_plane.ts';
import { isReady } from '../kubectl.ts';

export const controlplane: ClusterDriver = {
  create: async (place) => (await startControlPlane(place)).kubeconfig,
  isHealthy: async (place, kubeconfig) =>
    allOwnedAlive(place.folder) && (await isReady(place.binaries, kubeconfig)),
  destroy: async ({ folder }) => {
    await stopOwned(folder);
  },
  loadImage: async ({ name }) => {
    throw new Error(`cluster ${name} has no node that could run an image; take one of kind local or kind`);
  },
};
