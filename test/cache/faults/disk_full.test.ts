import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderBlobs } from '../../../src/cache/blobs/folder.ts';

const MIB = 1024 * 1024;

/** Whether a file system of so many bytes can be had here: only root may mount one. */
function mountable(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

describe.runIf(mountable())('a disk that is full', () => {
  let folder: string;
  let blobs: FolderBlobs;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'harrier-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    blobs = await FolderBlobs.open(folder);
  });
  afterEach(async () => {
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  });

  const put = (blob: string, bytes: Buffer) => {
    const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, index) =>
      bytes.subarray(index * 65_536, (index + 1) * 65_536),
    );
    return blobs.write(blob, bytes.length, Readable.from(chunks, { objectMode: false }));
  };
  const files = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());

  it('refuses a part, keeps nothing of it, and still gives back what it has', async () => {
    const bytes = randomBytes(3 * MIB);
    const blob = crypto.randomUUID();
    await put(blob, bytes);
    for (let round = 0; round < 3; round++) {
      await expect(put(crypto.randomUUID(), randomBytes(6 * MIB))).rejects.toMatchObject({
        code: 'cache-store-full',
      });
    }
    expect(await files()).toHaveLength(1);
    const read = await blobs.read([{ blob, sizeBytes: bytes.length }], { start: 0, end: bytes.length - 1 });
    expect((await buffer(read)).equals(bytes)).toBe(true);
    // What the refused ones had taken is free again.
    await put(crypto.randomUUID(), randomBytes(4 * MIB));
  });

  it('refuses all of many at once that do not fit, and keeps those that did', async () => {
    const written = await Promise.allSettled(
      Array.from({ length: 12 }, () => put(crypto.randomUUID(), randomBytes(MIB))),
    );
    const kept = written.filter(({ status }) => status === 'fulfilled').length;
    expect(kept).toBeLessThan(12);
    expect(await files()).toHaveLength(kept);
  });
});
