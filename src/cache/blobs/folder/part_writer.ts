import type { FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { CacheRefused } from '../../refused.ts';

/**
 * Bytes on their way to the disk: while one write runs, up to this much gathers and goes in the next one together.
 * It is also what bounds the memory of an upload.
 */
const BUFFERED = 2 * 1024 * 1024;

/** Writes a source of exactly `sizeBytes` bytes to a file; one of another length fails it. Doesn't close the file. */
export class PartWriter extends Writable {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  #written = 0;
  #crc32 = 0;

  constructor(file: FileHandle, sizeBytes: number) {
    super({ highWaterMark: BUFFERED });
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  /** Of what has been written. */
  get crc32(): number {
    return this.#crc32;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#append([chunk]).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#append(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    done(this.#written === this.#sizeBytes ? null : this.#mismatch(`only ${this.#written}`));
  }

  async #append(chunks: Buffer[]): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (this.#written + length > this.#sizeBytes) throw this.#mismatch('more');
    for (const chunk of chunks) this.#crc32 = crc32(chunk, this.#crc32);
    let rest = chunks;
    while (rest.length > 0) {
      // A write may stop short, on a full disk for one; then the next says what is wrong.
      const { bytesWritten } = await this.#file.writev(rest, this.#written);
      this.#written += bytesWritten;
      rest = after(rest, bytesWritten);
    }
  }

  #mismatch(came: string): CacheRefused {
    return new CacheRefused(
      'cache-size-mismatch',
      `The URL is for ${this.#sizeBytes} bytes, but ${came} came.`,
    );
  }
}

function after(chunks: Buffer[], written: number): Buffer[] {
  let left = written;
  for (const [position, chunk] of chunks.entries()) {
    if (left < chunk.length) return [chunk.subarray(left), ...chunks.slice(position + 1)];
    left -= chunk.length;
  }
  return [];
}
