import type { Readable } from 'node:stream';
import type { ByteRange } from '../../http/byte_range.ts';

/**
 * The bytes of the cache. A blob is one part of an upload: named by a random UUID, never by anything a client says,
 * written once, complete or absent. An entry is a list of blobs, so that making it moves no bytes. Whatever implements
 * this passes the suite in test/cache/blobs/conformance.ts.
 */
export interface Blobs {
  /** Present where bytes pass the api neither in nor out: then nobody calls `write`. */
  readonly direct?: DirectBlobs;
  /**
   * Stores exactly `sizeBytes` bytes. Throws CacheRefused: `stale-write` when the blob is there already or is being
   * written, `cache-size-mismatch` when the source has another length, `cache-store-full`; then nothing is kept.
   */
  write(blob: string, sizeBytes: number, source: Readable): Promise<void>;
  /**
   * The range of the blobs one after the other. Throws CacheRefused `not-found` when the first of them is gone. A blob
   * that is read whole and has another checksum ends the stream with BytesCorrupt, before its last bytes.
   */
  read(blobs: readonly SizedBlob[], range: ByteRange): Promise<Readable>;
  /** What the store says of each blob, which takes no reading of bytes; of those that are there. */
  examine(blobs: readonly string[]): Promise<Map<string, Examined>>;
  /** Reads the blob through; undefined when it is gone. `onBytes` is told of every stretch, and waited for. */
  checksum(blob: string, onBytes?: (count: number) => Promise<void> | void): Promise<Checksum | undefined>;
  /** Returns when the blobs would outlive a power cut. */
  sync(blobs: readonly string[]): Promise<void>;
  /** Absent ones are passed over. */
  remove(blobs: readonly string[]): Promise<void>;
  /** Blobs and what is left of broken writes, last written before that time (ms since the epoch), in batches. */
  olderThan(time: number): AsyncIterable<string[]>;
}

/** URLs of the store's own, good without any credential for PUT_LIFETIME. */
export interface DirectBlobs {
  /** For one PUT of exactly this length, with these headers. */
  put(blob: string, sizeBytes: number): Promise<{ url: string; headers: Record<string, string> }>;
  /** Answers Range. */
  get(blob: string): Promise<string>;
  /** PEM of the authorities that vouch for the store, where the system's own don't. */
  readonly ca?: string | undefined;
}

export interface SizedBlob {
  readonly blob: string;
  readonly sizeBytes: number;
  /** CRC-32 of the whole, where it is known. */
  readonly crc32?: number;
}

export interface Examined {
  readonly sizeBytes: number;
  /** Changes when the blob is written to; opaque. */
  readonly mark: string;
  /** What the store itself computed while the blob was written, where it still knows. */
  readonly crc32?: number;
}

export interface Checksum {
  readonly crc32: number;
  readonly sizeBytes: number;
}

/** Stored bytes are not those that were saved. */
export class BytesCorrupt extends Error {
  override readonly name = 'BytesCorrupt';
  constructor() {
    super('stored bytes are not those that were saved');
  }
}
