import { CHUNK, chunkLength, chunksOf, DIGEST, digestOf, fileSize, sealOf } from './entry_file.ts';
import { DRAFT, ENTRY, makeRoom } from './room.ts';

const { open, rename, rm } = process.getBuiltinModule('node:fs/promises');
const { join } = process.getBuiltinModule('node:path');
type FileHandle = Awaited<ReturnType<typeof open>>;

/** Chunks on their way to the disk at once; beyond them the restore waits, so that memory stays bounded. */
const MOST_PENDING = 8;
/** A disk that keeps a restore waiting for so long, in ms, is too slow to be worth it: the draft is given up. */
const PATIENCE = 10_000;

/** Takes the bytes in their turn; answers when there is room for more, where there is none. */
export type Keep = (bytes: Uint8Array) => Promise<void> | undefined;

export interface DraftOptions {
  folder: string;
  /** See nameOf. */
  name: string;
  sizeBytes: number;
  /** Most bytes of all files of the folder. */
  limit: number;
  now(): number;
  /** Called once: the entry is there, or the draft is given up. */
  onEnd(kept: boolean): void;
}

/**
 * An entry on its way into the tier: written chunk by chunk, in any order, as a job restores it. Once all chunks are
 * there it becomes an entry by a rename; anything else leaves nothing that would be read.
 */
export class Draft {
  readonly #options: DraftOptions;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #digests: Buffer;
  readonly #taken: Uint8Array;
  readonly #free: Buffer[] = [];
  #missing: number;
  #pending = 0;
  #ended = false;
  #waiting: PromiseWithResolvers<void> | undefined;
  touchedAt: number;

  private constructor(options: DraftOptions, path: string, file: FileHandle) {
    this.#options = options;
    this.#path = path;
    this.#file = file;
    this.#missing = chunksOf(options.sizeBytes);
    this.#digests = Buffer.alloc(this.#missing * DIGEST);
    this.#taken = new Uint8Array(this.#missing);
    this.touchedAt = options.now();
  }

  /** Undefined when there is no room for the entry. */
  static async begin(options: DraftOptions): Promise<Draft | undefined> {
    const { folder, name, sizeBytes, limit, now } = options;
    const path = join(folder, `${name}.${crypto.randomUUID()}${DRAFT}`);
    const file = await open(path, 'wx', 0o600);
    try {
      // Counts with its whole length from here on, before a byte of it is written.
      await file.truncate(fileSize(sizeBytes));
      if (await makeRoom(folder, limit, now())) return new Draft(options, path, file);
    } catch (error) {
      await discard(file, path);
      throw error;
    }
    await discard(file, path);
    return undefined;
  }

  /** Takes the bytes that stream by from that offset of the entry on; to be told each in its turn. */
  stretch(start: number): Keep {
    const { sizeBytes } = this.#options;
    let at = start;
    let buffer: Buffer | undefined;
    let filled = 0;
    return (bytes) => {
      this.touchedAt = this.#options.now();
      let rest = bytes;
      while (rest.length > 0 && at < sizeBytes) {
        const index = Math.floor(at / CHUNK);
        const inChunk = at - index * CHUNK;
        const length = chunkLength(sizeBytes, index);
        const some = rest.subarray(0, length - inChunk);
        // A stretch that begins within a chunk has only its end, which is of no use.
        if (inChunk === filled && !this.#ended) {
          buffer ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
          buffer.set(some, filled);
          filled += some.length;
          if (filled === length) {
            this.#take(index, buffer, length);
            buffer = undefined;
            filled = 0;
          }
        }
        at += some.length;
        rest = rest.subarray(some.length);
      }
      return this.#room();
    };
  }

  #room(): Promise<void> | undefined {
    if (this.#pending < MOST_PENDING || this.#ended) return undefined;
    if (this.#waiting === undefined) {
      const waiting = Promise.withResolvers<void>();
      const late = setTimeout(() => this.abandon(), PATIENCE);
      void waiting.promise.then(() => clearTimeout(late));
      this.#waiting = waiting;
    }
    return this.#waiting.promise;
  }

  #goOn(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #take(index: number, buffer: Buffer, length: number): void {
    if (this.#ended || this.#taken[index] === 1) {
      this.#free.push(buffer);
      return;
    }
    this.#taken[index] = 1;
    this.#pending++;
    digestOf(buffer.subarray(0, length)).copy(this.#digests, index * DIGEST);
    this.#file.write(buffer, 0, length, index * CHUNK).then(
      ({ bytesWritten }) => {
        this.#pending--;
        this.#free.push(buffer);
        this.#goOn();
        if (bytesWritten !== length) return this.abandon();
        if (--this.#missing === 0) void this.#finish();
      },
      // The disk is full, or the folder is gone: nothing that the job should know.
      () => {
        this.#pending--;
        this.abandon();
      },
    );
  }

  async #finish(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { folder, name, sizeBytes, onEnd } = this.#options;
    const tail = Buffer.concat([this.#digests, sealOf(name, sizeBytes, this.#digests)]);
    try {
      const { bytesWritten } = await this.#file.write(tail, 0, tail.length, sizeBytes);
      if (bytesWritten !== tail.length) throw new Error('the disk took only a part');
      await this.#file.close();
      // Over one that another sidecar has finished meanwhile: it is the same.
      await rename(this.#path, join(folder, `${name}${ENTRY}`));
      onEnd(true);
    } catch {
      await discard(this.#file, this.#path);
      onEnd(false);
    }
  }

  /** Gives up what is not whole. */
  abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#goOn();
    void discard(this.#file, this.#path).then(() => this.#options.onEnd(false));
  }
}

async function discard(file: FileHandle, path: string): Promise<void> {
  await file.close().catch(() => undefined);
  await rm(path, { force: true }).catch(() => undefined);
}
