import { join } from 'node:path';
import { run } from '../../run/command.ts';
import type { ClusterDriver, ClusterPlace } from '../cluster.ts';
import { isReady } from '../kubectl.ts';

/** Docker's containers are labelled with this name, so that a cluster of the user's own is never taken for ours. */
const kindName = ({ name }: ClusterPlace) => `harrier-${name}`;

/** A cluster of the kind CLI, with one node in a Docker container. */
export const kind: ClusterDriver = {
  async create(place) {
    const kubeconfig = join(place.folder, 'admin.kubeconfig');
    place.note('kind create cluster: the first time it downloads the image of the node');
    await cli(
      place,
      'create',
      'cluster',
      '--name',
      kindName(place),
      '--kubeconfig',
      kubeconfig,
      '--wait',
      '180s',
    );
    return kubeconfig;
  },
  isHealthy: (place, kubeconfig) => isReady(place.binaries, kubeconfig),
  async destroy(place) {
    // The kubeconfig is in the folder that goes with the cluster; without the flag kind edits the user's own.
    await cli(
      place,
      'delete',
      'cluster',
      '--name',
      kindName(place),
      '--kubeconfig',
      join(place.folder, 'admin.kubeconfig'),
    );
  },
  async loadImage(place, tarPath) {
    place.note(`kind load image-archive ${tarPath}`);
    await cli(place, 'load', 'image-archive', tarPath, '--name', kindName(place));
  },
};

function cli(place: ClusterPlace, ...args: string[]): Promise<string> {
  return run(join(place.binaries, 'kind'), args);
}

/** Why there is no Docker to run kind on, or undefined when its daemon answers. */
export async function whyNoDocker(): Promise<string | undefined> {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: 10_000 });
    return undefined;
  } catch (error) {
    return (error as Error).message.includes('ENOENT')
      ? 'there is no docker command'
      : 'the Docker daemon does not answer';
  }
}
