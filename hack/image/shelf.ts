import { readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const LAYERS_KEPT_MS = 14 * 24 * 3600 * 1000;

/** Where tars are kept, outside the checkout. */
export function imageFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'harrier', 'images');
}

/** The tar of an image; another content has another name. */
export function imageFile(folder: string, reference: string, id: string): string {
  return join(folder, `${prefixOf(reference)}${id.slice(0, 16)}.tar`);
}

/** Removes the older tars of the same image, and layers that nothing has been made from for two weeks. */
export async function removeOlder(folder: string, reference: string, file: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const older = name.startsWith(prefixOf(reference)) && path !== file;
    const stale = name.startsWith('layer-') && Date.now() - (await stat(path)).mtimeMs > LAYERS_KEPT_MS;
    if (older || stale) await rm(path, { force: true });
  }
}

/** The hyphen after the tag keeps harrier:dev from taking harrier-demo-job:dev for its own. */
const prefixOf = (reference: string) => `${reference.replace(':', '-')}-`;
