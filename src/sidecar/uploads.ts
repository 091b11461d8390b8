import { MAX_PARTS } from '../protocol/parts.ts';
import { Refused } from './refusal.ts';
import { secret } from './secret.ts';

/** Bytes that one request of the client brought, as the numbered parts that hold them in the store. */
export interface Block {
  parts: number[];
  /** CRC-32 of each part. */
  crc32: number[];
  size: number;
}

/** One reserved cache entry or artifact whose bytes are arriving. */
export interface Upload {
  /** Last segment of the local upload URL. */
  readonly handle: string;
  /** The `sig` of that URL. */
  readonly signature: string;
  /** What the v1 protocol calls it: a safe integer, since its clients read a number. */
  readonly cacheId: number;
  readonly uploadId: string;
  /** Where the api has it: the path that parts and the commit are asked under. */
  readonly path: string;
  readonly key: string;
  readonly version: string;
  /** Blocks put and not yet named by a block list, by the client's own opaque id. */
  readonly staged: Map<string, Block>;
  /** Blocks that the last block list named. */
  committed: Map<string, Block>;
  /** The blob as it stands, in order; undefined until a request has made one. */
  content: Block[] | undefined;
  nextPart: number;
  touchedAt: number;
  /** The job's own token as it last came: blob requests bring none, and the api asks for it with every call. */
  jobToken: string | undefined;
  /** The commit under way: a client that repeats itself waits for the same one. */
  committing: Promise<string> | undefined;
}

/** Most entries written at once by one job, and how long one may stand untouched. */
const MAX_OPEN = 512;
const MAX_IDLE = 6 * 3600_000;
/** Results kept for a client that repeats its commit because the answer was lost. */
const MAX_FINISHED = 512;

/** The uploads of this job. Only what is here can be written to: nothing of it is in the URLs but its name. */
export class Uploads {
  readonly #byHandle = new Map<string, Upload>();
  readonly #finished = new Map<string, string>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Refuses before the api is asked when there is no room for one more. */
  assertRoom(): void {
    for (const upload of this.#byHandle.values())
      if (this.#now() - upload.touchedAt > MAX_IDLE) this.forget(upload);
    if (this.#byHandle.size >= MAX_OPEN)
      throw new Refused('too-many-requests', 429, `more than ${MAX_OPEN} cache entries are being written`);
  }

  /** @param collection Path of the api under which the upload was reserved. */
  open(
    reserved: { uploadId: string; key: string; version: string; jobToken?: string | undefined },
    collection = '/v1/cache/uploads',
  ): Upload {
    const upload: Upload = {
      ...reserved,
      jobToken: reserved.jobToken,
      path: `${collection}/${encodeURIComponent(reserved.uploadId)}`,
      handle: secret(),
      signature: secret(),
      cacheId: Number.parseInt(secret().slice(0, 12), 16) + 1,
      staged: new Map(),
      committed: new Map(),
      content: undefined,
      nextPart: 1,
      touchedAt: this.#now(),
      committing: undefined,
    };
    this.#byHandle.set(upload.handle, upload);
    this.#finished.delete(entryName(upload));
    return upload;
  }

  byHandle(handle: string, signature: string | null): Upload | undefined {
    const upload = this.#byHandle.get(handle);
    return upload?.signature === signature ? this.#touch(upload) : undefined;
  }

  byCacheId(cacheId: number): Upload | undefined {
    for (const upload of this.#byHandle.values()) if (upload.cacheId === cacheId) return this.#touch(upload);
    return undefined;
  }

  byEntry(entry: { key: string; version: string }): Upload | undefined {
    for (const upload of this.#byHandle.values())
      if (upload.key === entry.key && upload.version === entry.version) return this.#touch(upload);
    return undefined;
  }

  /** Entry id of an upload that was committed, for a client that asks again. */
  finished(entry: { key: string; version: string }): string | undefined {
    return this.#finished.get(entryName(entry));
  }

  finish(upload: Upload, entryId: string): void {
    this.forget(upload);
    const oldest = this.#finished.size >= MAX_FINISHED ? this.#finished.keys().next().value : undefined;
    if (oldest !== undefined) this.#finished.delete(oldest);
    this.#finished.set(entryName(upload), entryId);
  }

  forget(upload: Upload): void {
    this.#byHandle.delete(upload.handle);
  }

  all(): Upload[] {
    return [...this.#byHandle.values()];
  }

  #touch(upload: Upload): Upload {
    upload.touchedAt = this.#now();
    return upload;
  }
}

/** The next part number; a block that is put again takes a new one, and the old part is left out of the commit. */
export function takePartNumber(upload: Upload): number {
  if (upload.nextPart > MAX_PARTS)
    throw new Refused('bad-request', 400, `an entry has at most ${MAX_PARTS} parts`);
  return upload.nextPart++;
}

export function sizeOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + block.size, 0);
}

function entryName(entry: { key: string; version: string }): string {
  return `${entry.version}\n${entry.key}`;
}
