import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { readFile, rename, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

/** What a layer puts at one absolute path. Folders above it are made by themselves. */
export type LayerEntry =
  | { readonly path: string; readonly type: 'file'; readonly from: string; readonly mode?: number }
  | { readonly path: string; readonly type: 'text'; readonly text: string; readonly mode?: number }
  | { readonly path: string; readonly type: 'link'; readonly to: string }
  | { readonly path: string; readonly type: 'folder'; readonly mode: number };

export interface Layer {
  /** The layer's tar. */
  readonly file: string;
  /** SHA-256 of the tar in hex: the layer's DiffID. */
  readonly digest: string;
  readonly bytes: number;
}

/** The source files' times, owners and order leave no trace: the same content is the same digest everywhere. */
const EPOCH = new Date(0);

/** Writes the layer's tar into the folder, or answers the one that is there of the same content. */
export async function writeLayer(entries: readonly LayerEntry[], folder: string): Promise<Layer> {
  mkdirSync(folder, { recursive: true });
  const sorted = withFolders(entries);
  const file = join(folder, `layer-${await fingerprint(sorted)}.tar`);
  const note = `${file}.sha256`;
  if (!existsSync(file) || !existsSync(note)) {
    const digest = await writeTar(sorted, `${file}.partial`);
    await pipeline([digest], createWriteStream(note));
    await rename(`${file}.partial`, file);
  }
  return { file, digest: await readFile(note, 'utf8'), bytes: statSync(file).size };
}

/** The entries in order of path, with the folders above them. A path that is named twice is an error. */
export function withFolders(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) {
    if (byPath.has(entry.path)) throw new Error(`the layer has ${entry.path} twice`);
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let above = posix.dirname(path); above !== '/'; above = posix.dirname(above)) {
      if (!byPath.has(above)) byPath.set(above, { path: above, type: 'folder', mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function fingerprint(entries: readonly LayerEntry[]): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of entries) {
    hash.update(`${JSON.stringify(entry.type === 'file' ? { ...entry, from: '' } : entry)}\n`);
    if (entry.type === 'file') for await (const chunk of createReadStream(entry.from)) hash.update(chunk);
  }
  return hash.digest('hex').slice(0, 32);
}

async function writeTar(entries: readonly LayerEntry[], file: string): Promise<string> {
  const tar = pack();
  const hash = createHash('sha256');
  const tee = new PassThrough();
  tee.on('data', (chunk: Buffer) => hash.update(chunk));
  const written = pipeline(tar, tee, createWriteStream(file));
  for (const entry of entries) await addEntry(tar, entry);
  tar.finalize();
  await written;
  return hash.digest('hex');
}

async function addEntry(tar: ReturnType<typeof pack>, entry: LayerEntry): Promise<void> {
  const common = { name: entry.path.slice(1), mtime: EPOCH, uid: 0, gid: 0 };
  if (entry.type === 'link') {
    tar.entry({ ...common, type: 'symlink', linkname: entry.to, mode: 0o777 });
  } else if (entry.type === 'folder') {
    tar.entry({ ...common, name: `${common.name}/`, type: 'directory', mode: entry.mode });
  } else if (entry.type === 'text') {
    tar.entry({ ...common, mode: entry.mode ?? 0o644 }, entry.text);
  } else {
    const { size } = await stat(entry.from);
    const sink = tar.entry({ ...common, size, mode: entry.mode ?? 0o644 });
    await pipeline(createReadStream(entry.from), sink);
  }
}
