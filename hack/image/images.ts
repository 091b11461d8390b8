import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from '../processes/lock.ts';
import { NODE_FLAGS, PROGRAM_ENV } from '../program.ts';
import type { Note } from '../progress.ts';
import { type ImageDescription, imageConfiguration, versioned, writeArchive } from './archive.ts';
import { baseEntries, busyboxBinary, programEntries, USER } from './base.ts';
import { buildByDocker } from './by_docker.ts';
import { type LayerEntry, writeLayer } from './layer.ts';
import { firstThere } from './libraries.ts';
import { closureEntries, filesBelow } from './npm_closure.ts';
import { imageFile, imageFolder, removeOlder } from './shelf.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Whether this system's own Node is of no use in a container. */
const isForeign = process.platform !== 'linux';

export interface BuiltImage {
  readonly reference: string;
  /** The same image by a tag of its contents. */
  readonly versioned: string;
  /** SHA-256 of its configuration in hex: `docker images` shows its beginning. */
  readonly id: string;
  /** The tar that `docker load`, `ctr images import` and `kind load image-archive` take. */
  readonly file: string;
  readonly bytes: number;
}

/** `harrier:dev`: dist/, which must have been bundled. */
export function buildHarrierImage(folder = imageFolder(), note: Note = () => {}): Promise<BuiltImage> {
  if (isForeign) return buildByDocker('harrier', 'harrier:dev', folder, note);
  if (!existsSync(join(ROOT, 'dist', 'main.js'))) throw new Error('dist/main.js is missing: npm run build');
  const app = filesBelow(join(ROOT, 'dist'))
    .filter((file) => !file.endsWith('.map'))
    .map(
      (file): LayerEntry => ({
        path: join('/app', relative(join(ROOT, 'dist'), file)),
        type: 'file',
        from: file,
      }),
    );
  const own: LayerEntry[] = [
    ...app,
    { path: '/app/package.json', type: 'text', text: '{"name":"harrier","type":"module"}\n' },
  ];
  return withLock(
    join(folder, '.lock'),
    async () => {
      note('the layer with Node');
      const base = await writeLayer(await baseEntries(), folder);
      note('the layer with dist/');
      return await writeImage(folder, {
        ...common,
        reference: 'harrier:dev',
        layers: [base, await writeLayer(own, folder)],
        env: { ...common.env, ...PROGRAM_ENV },
        entrypoint: ['/usr/local/bin/node', ...NODE_FLAGS, '/app/main.js'],
        workingDir: '/app',
      });
    },
    note,
  );
}

/** `harrier-demo-job:dev`: the runner of examples/demo-job with the unmodified @actions/cache and what that calls. */
export function buildDemoJobImage(folder = imageFolder(), note: Note = () => {}): Promise<BuiltImage> {
  if (isForeign) return buildByDocker('demo-job', 'harrier-demo-job:dev', folder, note);
  const example = join(ROOT, 'examples', 'demo-job');
  const job: LayerEntry[] = [
    ...filesBelow(example)
      .filter((file) => file.endsWith('.mjs'))
      .map(
        (file): LayerEntry => ({
          path: join('/job', relative(example, file)),
          type: 'file',
          from: file,
        }),
      ),
    ...closureEntries(ROOT, '@actions/cache', '/job'),
    { path: '/workspace', type: 'folder', mode: 0o1777 },
  ];
  return withLock(
    join(folder, '.lock'),
    async () => {
      note('the layer with Node');
      const base = await writeLayer(await baseEntries(), folder);
      note('the layer with tar, gzip, zstd and @actions/cache');
      const tools = withoutThoseOf(await baseEntries(), await toolEntries());
      return await writeImage(folder, {
        ...common,
        reference: 'harrier-demo-job:dev',
        layers: [base, await writeLayer([...tools, ...job], folder)],
        entrypoint: ['/usr/local/bin/node', '/job/runner.mjs'],
        workingDir: '/workspace',
      });
    },
    note,
  );
}

/** `harrier-pause:dev`: holds a pod's namespaces. containerd ends it by SIGKILL, so that it need not know SIGTERM. */
export function buildPauseImage(folder = imageFolder(), note: Note = () => {}): Promise<BuiltImage> {
  return withLock(
    join(folder, '.lock'),
    async () =>
      writeImage(folder, {
        ...common,
        reference: 'harrier-pause:dev',
        layers: [await writeLayer(await programEntries([['/bin/busybox', busyboxBinary()]]), folder)],
        entrypoint: ['/bin/busybox', 'sleep', '2147483647'],
        workingDir: '/',
      }),
    note,
  );
}

export const common = {
  env: { PATH: '/usr/local/bin:/bin', NODE_ENV: 'production', HOME: '/home/harrier' },
  user: `${USER}:${USER}`,
};

/** Writes the archive unless it is there already, and removes the older ones of the same image. */
export async function writeImage(folder: string, image: ImageDescription): Promise<BuiltImage> {
  const { id } = imageConfiguration(image);
  const file = imageFile(folder, image.reference, id);
  if (!existsSync(file)) await writeArchive(image, file);
  await removeOlder(folder, image.reference, file);
  const bytes = image.layers.reduce((sum, layer) => sum + layer.bytes, 0);
  return { reference: image.reference, versioned: versioned(image.reference, id), id, file, bytes };
}

/** Where @actions/cache looks first, before busybox's own tar and gzip, which know too few options. */
export function toolEntries(): Promise<LayerEntry[]> {
  const tools = ['tar', 'gzip', 'zstd', 'unzstd', 'zstdmt'].map(
    (name) => [`/usr/local/bin/${name}`, firstThere(name, [`/usr/bin/${name}`, `/bin/${name}`])] as const,
  );
  return programEntries(tools);
}

export function withoutThoseOf(lower: readonly LayerEntry[], upper: readonly LayerEntry[]) {
  const there = new Set(lower.map(({ path }) => path));
  return upper.filter(({ path }) => !there.has(path));
}
