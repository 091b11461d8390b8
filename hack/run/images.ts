import { bundle } from '../bundle.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { type BuiltImage, buildDemoJobImage, buildHarrierImage } from '../image/images.ts';
import type { Note } from '../progress.ts';
import { run } from './command.ts';

export interface Images {
  harrier: BuiltImage;
  demoJob: BuiltImage;
}

/** Bundles dist/ and makes both images as tars; what is there already isn't made again. */
export async function buildImages(note: Note): Promise<Images> {
  note('bundling dist/');
  await bundle();
  return {
    harrier: await buildHarrierImage(undefined, note),
    demoJob: await buildDemoJobImage(undefined, note),
  };
}

/** Makes the images known to every node that has not got them. */
export async function loadImages(cluster: Cluster, images: readonly BuiltImage[], note: Note): Promise<void> {
  const known = await run(cluster.kubectl, [
    '--kubeconfig',
    cluster.kubeconfig,
    'get',
    'nodes',
    '-o',
    'jsonpath={range .items[*]}{.status.images[*].names}{"\\n"}{end}',
  ]);
  const nodes = known.trim().split('\n');
  for (const image of images) {
    if (nodes.every((names) => names.includes(`/${image.versioned}"`))) continue;
    note(`loading ${image.reference}`);
    await cluster.loadImage(image.file);
  }
}
