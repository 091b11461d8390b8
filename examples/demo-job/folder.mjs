// The folder that the demo saves: some files of random bytes, and a digest over all of them.
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const MIB = 2 ** 20;

/** The same path in the pod that saves and in the one that restores: it is part of the cache's version. */
export const folder = join(process.env.GITHUB_WORKSPACE ?? process.cwd(), 'demo-folder');

/** Fills the folder with so many MiB in files of 8 MiB, none of which can be compressed. */
export async function fill(mebibytes) {
  await mkdir(folder, { recursive: true });
  for (let left = mebibytes, number = 0; left > 0; left -= 8, number += 1) {
    const file = await open(join(folder, `part-${String(number).padStart(4, '0')}`), 'w');
    for (let written = 0; written < Math.min(8, left); written += 1) await file.write(randomBytes(MIB));
    await file.close();
  }
}

/** Bytes, and SHA-256 over names and contents in order of name. */
export async function measure() {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const name of (await readdir(folder)).sort()) {
    hash.update(`${name}\n`);
    bytes += (await stat(join(folder, name))).size;
    for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}
