import { existsSync, mkdirSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Note } from '../progress.ts';
import { run } from '../run/command.ts';
import { versioned } from './archive.ts';
import type { BuiltImage } from './images.ts';
import { imageFile, removeOlder } from './shelf.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Builds a target of the Dockerfile and saves it as the same kind of tar: for systems whose programs no Linux runs. */
export async function buildByDocker(
  target: string,
  reference: string,
  folder: string,
  note: Note,
): Promise<BuiltImage> {
  mkdirSync(folder, { recursive: true });
  note(`docker build --target ${target}`);
  await run('docker', ['build', '--quiet', '--target', target, '--tag', reference, ROOT]);
  const inspected = await run('docker', ['image', 'inspect', '--format', '{{.Id}}', reference]);
  const id = inspected.trim().replace('sha256:', '');
  const name = versioned(reference, id);
  await run('docker', ['tag', reference, name]);
  const file = imageFile(folder, reference, id);
  if (!existsSync(file)) {
    note('docker save');
    await run('docker', ['save', '--output', `${file}.partial`, reference, name]);
    await rename(`${file}.partial`, file);
  }
  await removeOlder(folder, reference, file);
  return { reference, versioned: name, id, file, bytes: (await stat(file)).size };
}
