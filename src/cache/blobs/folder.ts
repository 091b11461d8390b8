import { mkdirSync } from 'node:fs';
import { access, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { CacheRefused } from '../refused.ts';
import type { Blobs, SizedBlob } from './blobs.ts';
import { EntryReader, type Slice } from './entry_reader.ts';
import { PartWriter } from './part_writer.ts';
import type { ByteRange } from './range.ts';

const BLOB = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A write that isn't complete; never read. */
const UNFINISHED = '.part';
/** Files asked for at once: enough to hide their latency, few enough to leave the thread pool to transfers. */
const AT_ONCE = 8;

/**
 * Blobs as files of one folder, in 256 subfolders by the first two digits of their random ids.
 *
 * No write waits for the disk: measured on a local NVMe-backed disk, an fdatasync a part halves the speed of large
 * saves (1.5 instead of 3.1 GB/s) and of 1 MiB parts (0.7 instead of 1.6), and on slower disks more. `sync` is for
 * afterwards; durability.ts keeps entries that it has not reached from outliving a power cut.
 */
export class FolderBlobs implements Blobs {
  readonly #folder: string;

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
      throw error.code === 'EEXIST' ? beingWritten() : error;
    });
    try {
      // In this order: a writer that was first removes its draft only by renaming it to what is looked for here.
      if (await exists(path)) throw beingWritten();
      await pour(source, new PartWriter(file, sizeBytes));
      await file.close();
      await rename(draft, path);
    } catch (error) {
      await file.close().catch(() => {});
      await rm(draft, { force: true });
      throw error;
    }
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
    for (const { blob, sizeBytes } of blobs) {
      const from = Math.max(start - offset, 0);
      const to = Math.min(end - offset, sizeBytes - 1);
      if (from <= to) slices.push({ path: this.#path(blob), start: from, length: to - from + 1 });
      offset += sizeBytes;
    }
    return slices;
  }

  async missing(blobs: readonly SizedBlob[]): Promise<Set<string>> {
    const found = new Set<string>();
    await each(blobs, async ({ blob, sizeBytes }) => {
      const size = await stat(this.#path(blob)).then((file) => file.size, absent);
      if (size !== sizeBytes) found.add(blob);
    });
    return found;
  }

  async sync(blobs: readonly string[]): Promise<void> {
    for (const blob of blobs) await syncPath(this.#path(blob));
    // The names too: a renamed file is only found again when its folder has been written.
    for (const shard of new Set(blobs.map((blob) => blob.slice(0, 2))))
      await syncPath(join(this.#folder, shard));
  }

  async remove(blobs: readonly string[]): Promise<void> {
    await each(blobs, (blob) => rm(this.#path(blob), { force: true }));
  }

  async *olderThan(time: number): AsyncIterable<string[]> {
    for (const shard of await readdir(this.#folder)) {
      const folder = join(this.#folder, shard);
      const old: string[] = [];
      await each(await readdir(folder), async (name) => {
        const path = join(folder, name);
        const modified = await stat(path).then((file) => file.mtimeMs, absent);
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

async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
