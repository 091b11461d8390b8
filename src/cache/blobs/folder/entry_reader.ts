import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { BytesCorrupt } from '../blobs.ts';

/** One stretch of a file. */
export interface Slice {
  readonly path: string;
  readonly start: number;
  readonly length: number;
  /** Of the stretch, where it is known: of whole files. */
  readonly crc32?: number | undefined;
}

/** Bytes asked of the disk at once; two of these bound the memory of a download. */
const CHUNK = 512 * 1024;

/**
 * Streams slices of files one after the other. A file that is gone, too short or has another checksum destroys the
 * stream, the last before its end is given away: whoever reads is short of bytes, and doesn't take them for the whole.
 */
export class EntryReader extends Readable {
  readonly #slices: readonly Slice[];
  #current:
    | { file: FileHandle; position: number; left: number; seen: number; crc32: number | undefined }
    | undefined;
  #next = 0;
  #reading: Promise<void> | undefined;

  constructor(slices: readonly Slice[]) {
    super({ highWaterMark: CHUNK });
    this.#slices = slices;
  }

  /** Opens the first file already, so that a missing one is known before the answer has begun. */
  async begin(): Promise<this> {
    await this.#advance();
    return this;
  }

  override _read(): void {
    this.#reading = this.#readChunk().catch((error: Error) => {
      this.destroy(error);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A file must not be closed under a read that is on its way: the number could be another file's by then.
    Promise.resolve(this.#reading)
      .then(() => this.#current?.file.close())
      .then(
        () => done(error),
        (failed: Error) => done(error ?? failed),
      );
  }

  async #readChunk(): Promise<void> {
    if (this.#current?.left === 0) await this.#advance();
    const at = this.#current;
    if (at === undefined) {
      this.push(null);
      return;
    }
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, at.left));
    const { bytesRead } = await at.file.read(buffer, 0, buffer.length, at.position);
    if (bytesRead === 0) throw new BytesCorrupt();
    const chunk = bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
    at.position += bytesRead;
    at.left -= bytesRead;
    if (at.crc32 !== undefined) {
      at.seen = crc32(chunk, at.seen);
      if (at.left === 0 && at.seen !== at.crc32) throw new BytesCorrupt();
    }
    this.push(chunk);
  }

  async #advance(): Promise<void> {
    const done = this.#current;
    this.#current = undefined;
    await done?.file.close();
    const slice = this.#slices[this.#next++];
    if (slice !== undefined) {
      this.#current = {
        file: await open(slice.path, 'r'),
        position: slice.start,
        left: slice.length,
        seen: 0,
        crc32: slice.crc32,
      };
    }
  }
}
