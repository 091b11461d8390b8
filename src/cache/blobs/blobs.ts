import type { Readable } from 'node:stream';
import type { ByteRange } from './range.ts';

/**
 * The bytes of the cache. A blob is one part of an upload: named by a random UUID, never by anything a client says,
 * written once, complete or absent. An entry is a list of blobs, so that making it moves no bytes.
 */
export interface Blobs {
  /**
   * Stores exactly `sizeBytes` bytes. Throws CacheRefused `stale-write` when the blob is there already or is being
   * written, `cache-size-mismatch` when the source has another length; then nothing is kept.
   */
  write(blob: string, sizeBytes: number, source: Readable): Promise<void>;
  /** The range of the blobs one after the other. Throws CacheRefused `not-found` when the first of them is gone. */
  read(blobs: readonly SizedBlob[], range: ByteRange): Promise<Readable>;
  /** Those that are not stored whole. */
  missing(blobs: readonly SizedBlob[]): Promise<Set<string>>;
  /** Returns when the blobs would outlive a power cut. */
  sync(blobs: readonly string[]): Promise<void>;
  /** Absent ones are passed over. */
  remove(blobs: readonly string[]): Promise<void>;
  /** Blobs and what is left of broken writes, last written before that time (ms since the epoch), in batches. */
  olderThan(time: number): AsyncIterable<string[]>;
}

export interface SizedBlob {
  readonly blob: string;
  readonly sizeBytes: number;
}
