import { randomFillSync } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const MIB = 1024 * 1024;

/** A file that doesn't compress, so that what is stored and sent is as large as it is. */
export async function randomFile(path: string, mebibytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w');
  const block = Buffer.alloc(MIB);
  for (let index = 0; index < mebibytes; index++) await file.write(randomFillSync(block));
  await file.close();
}

/**
 * A virtual machine's memory is slow at its first touch (here, a save into untouched pages took twice as long), and
 * files kept from the first rounds would leave such pages to the later ones.
 */
export async function touchMemory(folder: string, mebibytes: number): Promise<void> {
  const path = join(folder, 'touched');
  const file = await open(path, 'w');
  const block = Buffer.alloc(8 * MIB, 1);
  for (let written = 0; written < mebibytes; written += 8) await file.write(block);
  await file.close();
  await rm(path);
}
