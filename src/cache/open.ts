import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { ByteRange } from '../http/byte_range.ts';
import type {
  CommitAnswer,
  CommitRequest,
  EntriesAnswer,
  LookupAnswer,
  LookupRequest,
  PartsAnswer,
  PartsRequest,
  StoredPartsAnswer,
  UploadAnswer,
  UploadRequest,
} from '../protocol/cache.ts';
import type { Blobs } from './blobs/blobs.ts';
import { BytesCorrupt } from './blobs/blobs.ts';
import { FolderBlobs } from './blobs/folder.ts';
import type { S3Options } from './blobs/s3/options.ts';
import { SignedUrls } from './blobs/signed_url.ts';
import { loadSigningKey } from './blobs/signing_key.ts';
import { commit } from './commit.ts';
import { Durability } from './durability.ts';
import type { CacheIndex, Content } from './index/index.ts';
import { SqliteIndex } from './index/sqlite.ts';
import { type Finder, Integrity } from './integrity/integrity.ts';
import { Scrub } from './integrity/scrub.ts';
import { type Verified, verify } from './integrity/verify.ts';
import { list } from './list.ts';
import { lookup } from './lookup.ts';
import { offerParts } from './offer_parts.ts';
import { Recency } from './recency.ts';
import { release, reserve } from './reserve.ts';
import type { CacheAccess } from './scope.ts';
import { storedPartsOf } from './stored_parts.ts';
import { dropQuarantined, releaseAbandoned, removeOrphans } from './sweep.ts';

/** What the cache's operations work with. */
export interface CacheParts {
  readonly index: CacheIndex;
  readonly blobs: Blobs;
  readonly urls: SignedUrls;
  readonly recency: Recency;
  readonly durability: Durability;
  readonly integrity: Integrity;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The cache as the routes use it. What it refuses it throws as CacheRefused. */
export interface Cache {
  lookup(access: CacheAccess, request: LookupRequest): Promise<LookupAnswer>;
  list(access: CacheAccess, prefix: string): Promise<EntriesAnswer>;
  reserve(access: CacheAccess, request: UploadRequest): Promise<UploadAnswer>;
  offerParts(access: CacheAccess, uploadId: string, request: PartsRequest): Promise<PartsAnswer>;
  commit(access: CacheAccess, uploadId: string, request: CommitRequest): Promise<CommitAnswer>;
  release(access: CacheAccess, uploadId: string): Promise<void>;
  readonly urls: SignedUrls;
  /** For what keeps its bytes beside the cache's: artifacts. */
  readonly stores: { readonly blobs: Blobs; readonly urls: SignedUrls };
  /** Stores one part, of exactly that length. */
  write(blob: string, sizeBytes: number, source: Readable): Promise<void>;
  /** What an entry is made of; undefined when there is none. */
  content(tenant: string, entryId: string): Promise<EntryContent | undefined>;
  /** The bytes of an entry; when they are not those that were saved the stream breaks off and the entry is looked into. */
  read(content: EntryContent, range: ByteRange): Promise<Readable>;
  /** Where an entry's parts are, from the offset-th on, in a store that bytes come from without us. */
  storedParts(tenant: string, entryId: string, offset: number): Promise<StoredPartsAnswer>;
  /** Has an entry read through because somebody met wrong bytes; whether it is so is found out here. */
  doubt(tenant: string, entryId: string): void;
  /** Reads every entry through, of one tenant or of all, and quarantines what is not as it was saved. */
  verify(tenant?: string): AsyncIterable<Verified>;
  /** PEM of the authorities that vouch for the store behind absolute URLs. */
  readonly storeCa: string | undefined;
  /** Throws when the index doesn't answer. */
  ready(): Promise<void>;
  /** Stops the housekeeping, writes what is noted in memory, closes the index. Call it after the last request. */
  close(): Promise<void>;
}

/** An entry's content, and whose it is. */
export interface EntryContent extends Content {
  readonly tenant: string;
  readonly entryId: string;
}

export interface CacheOptions {
  /** Folder of the index, the bytes and the signing key; made when absent. One process at a time. */
  dataDir: string;
  /** The cell that signed URLs name, for a router; absent where there is none. */
  cell?: string | undefined;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** Keeps the bytes in a bucket instead of in the folder. */
  s3?: S3Options | undefined;
  /** How much is read, in MiB a second, to find bytes that have rotted; 0 for none. */
  scrubMebibytesPerSecond?: number | undefined;
  /** Told of each entry that was quarantined. */
  onCorrupt?: ((finder: Finder) => void) | undefined;
  /** Others whose bytes are in the same store: what they name is no orphan. */
  neighbours?: readonly Pick<CacheIndex, 'namedBlobs'>[];
  log: Logger;
}

const NOTE_USES_EVERY = 10_000;
const RELEASE_EVERY = 60_000;
const SWEEP_EVERY = 30 * 60_000;
const SCRUB_EVERY = 10 * 60_000;
const CLOSE_PATIENCE = 5_000;

/** The cache with its embedded stores: SQLite for the index, a folder for the bytes. */
export async function openCache({ dataDir, cell, clock, neighbours, log }: CacheOptions): Promise<Cache> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const index = new SqliteIndex(join(dataDir, 'cache.sqlite'));
  const blobs = await FolderBlobs.open(join(dataDir, 'blobs'));
  const parts: CacheParts = {
    index,
    blobs,
    urls: new SignedUrls(await loadSigningKey(dataDir), clock, cell),
    recency: new Recency(index, clock, log),
    durability: new Durability(index, blobs, log),
    now: clock,
  };
  await parts.durability.recover(dataDir);

  const chores = [
    every(NOTE_USES_EVERY, () => parts.recency.flush(), log),
    every(RELEASE_EVERY, () => releaseAbandoned(parts), log),
    every(SWEEP_EVERY, () => removeOrphans(parts, neighbours), log),
  ];

  return {
    lookup: (access, request) => lookup(parts, access, request),
    list: (access, prefix) => list(parts, access, prefix),
    reserve: (access, request) => reserve(parts, access, request),
    offerParts: (access, uploadId, request) => offerParts(parts, access, uploadId, request),
    commit: (access, uploadId, request) => commit(parts, access, uploadId, request),
    release: (access, uploadId) => release(parts, access, uploadId),
    urls: parts.urls,
    stores: { blobs, urls: parts.urls },
    write: (blob, sizeBytes, source) => blobs.write(blob, sizeBytes, source),
    content: (tenant, entryId) => index.content(tenant, entryId),
    read: (content, range) => blobs.read(content.blobs, range),
    ready: () => index.ready(),
    close: async () => {
      for (const chore of chores) await chore.stop();
      await parts.recency.flush();
      await parts.durability.close(CLOSE_PATIENCE);
      await index.close();
    },
  };
}

/** Runs a chore again and again, one run at a time; a failure is logged and tried again the next time. */
function every(intervalMs: number, chore: () => Promise<unknown>, log: Logger): { stop(): Promise<void> } {
  let running: Promise<unknown> | undefined;
  const timer = setInterval(() => {
    running ??= chore()
      .catch((error: unknown) => log.warn({ err: error }, 'a chore of the cache failed'))
      .finally(() => {
        running = undefined;
      });
  }, intervalMs).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
