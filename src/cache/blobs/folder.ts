import { mkdirSync } from 'node:fs';
import { access, type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import type { ByteRange } from '../../http/byte_range.ts';
import { CacheRefused } from '../refused.ts';
import type { Blobs, Checksum, Examined, SizedBlob } from './blobs.ts';
import { each } from './each.ts';
import { EntryReader, type Slice } from './folder/entry_reader.ts';
import { PartWriter } from './folder/part_writer.ts';

const BLOB = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A write that isn't complete; never read. */
const UNFINISHED = '.part';
/** Files asked for at once: enough to hide their latency, few enough to leave the thread pool to transfers. */
const AT_ONCE = 8;
/** Checksums of written blobs that are kept for their commit. */
const MOST_KEPT = 50_000;
/** Bytes read at once for a checksum. */
const CHUNK = 512 * 1024;

/**
 * Blobs as files of one folder, in 256 subfolders by the first two digits of their random ids.
 *
 * No write waits for the disk: measured on a local NVMe-backed disk, an fdatasync a part halves the speed of large
 * saves (1.5 instead of 3.1 GB/s) and of 1 MiB parts (0.7 instead of 1.6), and on slower disks more. `sync` is for
 * afterwards; durability.ts keeps entries that it has not reached from outliving a power cut.
 */
export class FolderBlobs implements Blobs {
  readonly #folder: string;
  /** Of blobs that this process has written, the latest of them. */
  readonly #written = new Map<string, number>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<FolderBlobs> {
    for (let shard = 0; shard < 256; shard++) {
      // Synchronous: once at the start, and 256 turns of the thread pool take far longer.
      mkdirSync(join(folder, shard.toString(16).padStart(2, '0')), { recursive: true, mode: 0o700 });
    }
    return new FolderBlobs(folder);
  }

  async write(blob: string, sizeBytes: number, source: Readable): Promise<void> {
    const path = this.#path(blob);
    const draft = path + UNFINISHED;
    const file = await open(draft, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EEXIST' ? beingWritten() : fullOr(error);
    });
    try {
      // In this order: a writer that was first removes its draft only by renaming it to what is looked for here.
      if (await exists(path)) throw beingWritten();
      const writer = new PartWriter(file, sizeBytes);
      await pour(source, writer);
      await file.close();
      await rename(draft, path);
      this.#keep(blob, writer.crc32);
    } catch (error) {
      await file.close().catch(() => {});
      await rm(draft, { force: true });
      throw fullOr(error);
    }
  }

  #keep(blob: string, checksum: number): void {
    const oldest = this.#written.size >= MOST_KEPT ? this.#written.keys().next().value : undefined;
    if (oldest !== undefined) this.#written.delete(oldest);
    this.#written.set(blob, checksum);
  }

  async read(blobs: readonly SizedBlob[], range: ByteRange): Promise<Readable> {
    const reader = new EntryReader(this.#slices(blobs, range));
    return reader.begin().catch((error: NodeJS.ErrnoException) => {
      reader.destroy();
      throw error.code === 'ENOENT' ? new CacheRefused('not-found', 'The bytes are gone.') : error;
    });
  }

  #slices(blobs: readonly SizedBlob[], { start, end }: ByteRange): Slice[] {
    const slices: Slice[] = [];
    let offset = 0;
    for (const { blob, sizeBytes, crc32 } of blobs) {
      const from = Math.max(start - offset, 0);
      const to = Math.min(end - offset, sizeBytes - 1);
      const length = to - from + 1;
      if (length > 0) {
        const whole = length === sizeBytes;
        slices.push({ path: this.#path(blob), start: from, length, crc32: whole ? crc32 : undefined });
      }
      offset += sizeBytes;
    }
    return slices;
  }

  async examine(blobs: readonly string[]): Promise<Map<string, Examined>> {
    const found = new Map<string, Examined>();
    await each(blobs, AT_ONCE, async (blob) => {
      const file = await stat(this.#path(blob), { bigint: true }).catch(absent);
      if (file === undefined) return;
      const checksum = this.#written.get(blob);
      found.set(blob, {
        sizeBytes: Number(file.size),
        // ctime, which whoever writes to the file can't put back as it can mtime.
        mark: `${file.size}-${file.ctimeNs}`,
        ...(checksum === undefined ? {} : { crc32: checksum }),
      });
    });
    return found;
  }

  async checksum(blob: string, onBytes?: (count: number) => Promise<void> | void) {
    const file = await open(this.#path(blob), 'r').catch(absent);
    if (file === undefined) return undefined;
    try {
      return await checksumOf(file, onBytes);
    } finally {
      await file.close();
    }
  }

  async sync(blobs: readonly string[]): Promise<void> {
    for (const blob of blobs) await syncPath(this.#path(blob));
    // The names too: a renamed file is only found again when its folder has been written.
    for (const shard of new Set(blobs.map((blob) => blob.slice(0, 2))))
      await syncPath(join(this.#folder, shard));
  }

  async remove(blobs: readonly string[]): Promise<void> {
    await each(blobs, AT_ONCE, (blob) => {
      this.#written.delete(blob);
      return rm(this.#path(blob), { force: true });
    });
  }

  async *olderThan(time: number): AsyncIterable<string[]> {
    for (const shard of await readdir(this.#folder)) {
      const folder = join(this.#folder, shard);
      const old: string[] = [];
      await each(await readdir(folder), AT_ONCE, async (name) => {
        const path = join(folder, name);
        const modified = (await stat(path).catch(absent))?.mtimeMs;
        if (modified === undefined || modified >= time) return;
        if (name.endsWith(UNFINISHED)) await rm(path, { force: true });
        else if (BLOB.test(name)) old.push(name);
      });
      if (old.length > 0) yield old;
    }
  }

  /** The one place where an id becomes a path; refuses whatever could lead out of the folder. */
  #path(blob: string): string {
    if (!BLOB.test(blob)) throw new CacheRefused('not-found', 'This is no id of a blob.');
    return join(this.#folder, blob.slice(0, 2), blob);
  }
}

function beingWritten(): CacheRefused {
  return new CacheRefused('stale-write', 'This part is stored or being sent already; ask for another URL.');
}

/** Like pipeline, but leaves the source whole when the sink fails: it may be a request that is yet to be answered. */
async function pour(source: Readable, sink: Writable): Promise<void> {
  const poured = finished(sink);
  finished(source).catch((error: Error) => sink.destroy(error));
  source.pipe(sink);
  await poured;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => absent(error) ?? false,
  );
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function checksumOf(
  file: FileHandle,
  onBytes: (count: number) => Promise<void> | void = () => {},
): Promise<Checksum> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  let checksum = 0;
  let sizeBytes = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, sizeBytes);
    if (bytesRead === 0) return { crc32: checksum, sizeBytes };
    checksum = crc32(buffer.subarray(0, bytesRead), checksum);
    sizeBytes += bytesRead;
    await onBytes(bytesRead);
  }
}

/** A quota of the file system is as good as its end. */
function fullOr(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new CacheRefused('cache-store-full', 'The store of the cache has no room left.');
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
