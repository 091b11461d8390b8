import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Layer } from './layer.ts';

export interface ImageDescription {
  /** Such as `harrier:dev`. */
  readonly reference: string;
  readonly layers: readonly Layer[];
  readonly entrypoint: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `uid:gid`: numbers, as runAsNonRoot cannot judge a name. */
  readonly user: string;
  readonly workingDir: string;
}

/** The image's configuration, as the image specification of Docker v1.2 has it, and its digest: the image's ID. */
export function imageConfiguration(image: ImageDescription): { id: string; json: string } {
  const json = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      User: image.user,
      Env: Object.entries(image.env).map(([name, value]) => `${name}=${value}`),
      Entrypoint: image.entrypoint,
      WorkingDir: image.workingDir,
    },
    rootfs: { type: 'layers', diff_ids: image.layers.map(({ digest }) => `sha256:${digest}`) },
    history: image.layers.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'harrier' })),
  });
  return { id: createHash('sha256').update(json).digest('hex'), json };
}

/** The same image under a tag that changes with its contents, so that a rollout is seen as one: `harrier:3f2a…`. */
export function versioned(reference: string, id: string): string {
  return `${reference.split(':')[0]}:${id.slice(0, 12)}`;
}

/**
 * Writes a tar as `docker save` does, which `docker load`, `ctr images import` and
 * `kind load image-archive` take: manifest.json, the configuration, and the layers uncompressed.
 */
export async function writeArchive(image: ImageDescription, file: string): Promise<void> {
  const { id, json } = imageConfiguration(image);
  const layerName = ({ digest }: Layer) => `${digest}/layer.tar`;
  const manifest = [
    {
      Config: `${id}.json`,
      RepoTags: [image.reference, versioned(image.reference, id)],
      Layers: image.layers.map(layerName),
    },
  ];
  const tar = pack();
  const written = pipeline(tar, createWriteStream(`${file}.partial`));
  const mtime = new Date(0);
  for (const layer of image.layers) {
    const sink = tar.entry({ name: layerName(layer), size: layer.bytes, mtime });
    await pipeline(createReadStream(layer.file), sink);
  }
  tar.entry({ name: `${id}.json`, mtime }, json);
  tar.entry({ name: 'manifest.json', mtime }, JSON.stringify(manifest));
  tar.finalize();
  await written;
  await rename(`${file}.partial`, file);
}
