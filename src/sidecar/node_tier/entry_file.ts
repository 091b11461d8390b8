import type { LookupAnswer } from '../../protocol/cache.ts';

const { createHash, hash } = process.getBuiltinModule('node:crypto');
const { open } = process.getBuiltinModule('node:fs/promises');
type FileHandle = Awaited<ReturnType<typeof open>>;

/**
 * An entry as one file: its bytes, then the SHA-256 of every CHUNK of them, then a SHA-256 over the entry's name, its
 * size and those digests. So one rename brings all of it, a file that is short or another entry's is known when it is
 * opened, and a chunk is known to be right before any of it is sent, without reading the others first.
 */
export const CHUNK = 1024 * 1024;
export const DIGEST = 32;

/** What tells entries apart. Keys are immutable: a key that is saved again has another time. */
export type Identity = Pick<
  Extract<LookupAnswer, { hit: true }>,
  'scope' | 'key' | 'version' | 'createdAt' | 'sizeBytes'
>;

/** Name of the entry's file: says nothing of the entry, and can't lead out of the folder. */
export function nameOf({ scope, key, version, createdAt, sizeBytes }: Identity): string {
  return hash('sha256', JSON.stringify([scope, key, version, createdAt, sizeBytes]));
}

export function chunksOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CHUNK);
}

export function chunkLength(sizeBytes: number, index: number): number {
  return Math.min(CHUNK, sizeBytes - index * CHUNK);
}

/** Bytes of the file of an entry of so many. */
export function fileSize(sizeBytes: number): number {
  return sizeBytes + (chunksOf(sizeBytes) + 1) * DIGEST;
}

export function digestOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** The last digest of the file. */
export function sealOf(name: string, sizeBytes: number, digests: Uint8Array): Buffer {
  return createHash('sha256').update(`${name} ${sizeBytes} `).update(digests).digest();
}

/** An opened file whose size and digests belong to the entry; its chunks are not looked at yet. */
export class EntryFile {
  readonly #file: FileHandle;
  readonly #sizeBytes: number;
  readonly #digests: Buffer;

  private constructor(file: FileHandle, sizeBytes: number, digests: Buffer) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#digests = digests;
  }

  /** Undefined when there is no such file, `corrupt` when it is not what it should be. */
  static async open(
    path: string,
    name: string,
    sizeBytes: number,
  ): Promise<EntryFile | 'corrupt' | undefined> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (file === undefined) return undefined;
    try {
      if ((await file.stat()).size === fileSize(sizeBytes)) {
        const tail = Buffer.allocUnsafe(fileSize(sizeBytes) - sizeBytes);
        const { bytesRead } = await file.read(tail, 0, tail.length, sizeBytes);
        const digests = tail.subarray(0, -DIGEST);
        if (bytesRead === tail.length && sealOf(name, sizeBytes, digests).equals(tail.subarray(-DIGEST))) {
          // Being used is what keeps a file from being the next to go.
          await file.utimes(new Date(), new Date());
          return new EntryFile(file, sizeBytes, digests);
        }
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return 'corrupt';
  }

  /** The chunk in `into`, or undefined when it is not as it was written. */
  async chunk(index: number, into: Buffer): Promise<Buffer | undefined> {
    const length = chunkLength(this.#sizeBytes, index);
    const { bytesRead } = await this.#file.read(into, 0, length, index * CHUNK);
    if (bytesRead !== length) return undefined;
    const bytes = into.subarray(0, length);
    const digest = this.#digests.subarray(index * DIGEST, (index + 1) * DIGEST);
    return digestOf(bytes).equals(digest) ? bytes : undefined;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
