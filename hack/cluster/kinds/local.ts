import { allOwnedAlive, stopOwned } from '../../processes/owned.ts';
import type { ClusterDriver } from '../cluster.ts';
import { startControlPlane } from '../control_plane.ts';
import { isReady } from '../kubectl.ts';
import { loadNodeImage } from '../node/load_image.ts';
import { createNetwork } from '../node/network.ts';
import { installPrerequisites } from '../node/prerequisites.ts';
import { startNode } from '../node/start.ts';
import { stopNode } from '../node/stop.ts';

/** A control plane and one real node on this machine, in a network namespace of their own. */
export const local: ClusterDriver = {
  async create(place) {
    // Before the network: `ip` is one of them.
    await installPrerequisites(place.note);
    const network = await createNetwork(place.name);
    const { netnsName: netns, nodeAddress: address, serviceCidr } = network;
    const plane = await startControlPlane({ ...place, netns, address, serviceCidr });
    await startNode({ ...place, network, plane });
    return plane.kubeconfig;
  },
  isHealthy: async (place, kubeconfig) =>
    allOwnedAlive(place.folder) && (await isReady(place.binaries, kubeconfig)),
  async destroy({ name, folder }) {
    await stopOwned(folder);
    await stopNode(name, folder);
  },
  loadImage: ({ name, folder }, tarPath) => loadNodeImage(name, folder, tarPath),
};
