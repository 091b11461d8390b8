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
import { commit } from './commit.ts';
import { Durability } from './durability.ts';
import type { CacheIndex, Content, Owned } from './index/index.ts';
import { openIndex } from './index/open.ts';
import type { PostgresOptions } from './index/postgres/options.ts';
import { type Finder, Integrity } from './integrity/integrity.ts';
import { Scrub } from './integrity/scrub.ts';
import { type Verified, verify } from './integrity/verify.ts';
import { type Floor, spaceOf } from './limits/disk_floor.ts';
import type { EvictionReason } from './limits/evict.ts';
import { type Disk, Limits } from './limits/limits.ts';
import type { PoolsLimits } from './limits/pool_limits.ts';
import { list } from './list.ts';
import { lookup } from './lookup.ts';
import { type CacheManagement, manage } from './manage.ts';
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
  readonly limits: Limits;
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
  /** For those who look after it. */
  readonly management: CacheManagement;
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
  /** Folder of the index, the bytes and the signing key, as far as they are not elsewhere; of one process alone. */
  dataDir: string;
  /** The cell that signed URLs name, for a router; absent where there is none. */
  cell?: string | undefined;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** Keeps the index in PostgreSQL instead of in the folder, for any number of processes that share the bytes too. */
  postgres?: PostgresOptions | undefined;
  /** Keeps the bytes in a bucket instead of in the folder. */
  s3?: S3Options | undefined;
  /** How much is read, in MiB a second, to find bytes that have rotted; 0 for none. */
  scrubMebibytesPerSecond?: number | undefined;
  /** Told of each entry that was quarantined. */
  onCorrupt?: ((finder: Finder) => void) | undefined;
  /** What the pools say of their limits; absent where nobody limits anything but the disk. */
  pools?: PoolsLimits | undefined;
  /** What of the folder's disk is to stay free; nothing is evicted for the disk's sake when absent. */
  freeDiskFloor?: Floor | undefined;
  /** Bytes that the folder may hold, where its filesystem doesn't know. */
  volumeBytes?: number | undefined;
  /** An upload is given up after this long without a request for parts, in ms. */
  openUploadTimeout?: number | undefined;
  /** Told of the entries that were evicted. */
  onEvicted?: ((reason: EvictionReason, entries: readonly Owned[]) => void) | undefined;
  /** Others whose bytes are in the same store: what they name is no orphan. */
  neighbours?: readonly Pick<CacheIndex, 'namedBlobs'>[];
  log: Logger;
}

const NOTE_USES_EVERY = 10_000;
const RELEASE_EVERY = 60_000;
const SWEEP_EVERY = 30 * 60_000;
const SCRUB_EVERY = 10 * 60_000;
const KEEP_LIMITS_EVERY = 60_000;
const KEEP_DISK_EVERY = 10_000;
const CLOSE_PATIENCE = 5_000;

/** The cache with its embedded stores, SQLite for the index and a folder for the bytes, or with others as told. */
export async function openCache(options: CacheOptions): Promise<Cache> {
  const { dataDir, cell, clock, neighbours, log, onCorrupt } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const { index, signingKey } = await openIndex(dataDir, options.postgres, log);
  const blobs = await openBlobs(options);
  const integrity = new Integrity({ index, blobs, now: clock, log, onCorrupt });
  const mebibytesPerSecond = options.scrubMebibytesPerSecond ?? 0;
  const scrub = new Scrub({ index, integrity, mebibytesPerSecond, now: clock });
  const recency = new Recency(index, clock, log);
  const { pools, onEvicted } = options;
  const disk = blobs.direct === undefined ? diskOf(options) : undefined;
  const limits = new Limits({ index, blobs, recency, pools, disk, onEvicted, now: clock, log });
  const parts: CacheParts = {
    index,
    blobs,
    urls: new SignedUrls(signingKey, clock, cell),
    recency,
    durability: new Durability(index, blobs, log),
    integrity,
    limits,
    now: clock,
  };
  await parts.durability.recover(dataDir);

  const chores = [
    every(NOTE_USES_EVERY, () => parts.recency.flush(), log),
    every(RELEASE_EVERY, () => releaseAbandoned(parts, options.openUploadTimeout), log),
    every(KEEP_LIMITS_EVERY, () => limits.keep(), log),
    every(KEEP_DISK_EVERY, () => limits.keepDisk(), log),
    every(SWEEP_EVERY, () => removeOrphans(parts, neighbours), log),
    every(SWEEP_EVERY, () => dropQuarantined(parts), log),
    ...(mebibytesPerSecond > 0 ? [every(SCRUB_EVERY, () => scrub.round(), log)] : []),
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
    async content(tenant, entryId) {
      const content = await index.content(tenant, entryId);
      return content && { ...content, tenant, entryId };
    },
    async read({ tenant, entryId, blobs: read }, range) {
      const stream = await blobs.read(read, range);
      return stream.once('error', (error) => {
        if (error instanceof BytesCorrupt) integrity.doubt(tenant, entryId);
      });
    },
    storedParts: (tenant, entryId, offset) => storedPartsOf(parts, tenant, entryId, offset),
    doubt: (tenant, entryId) => integrity.doubt(tenant, entryId),
    verify: (tenant) => verify(parts, tenant),
    management: manage(parts),
    storeCa: blobs.direct?.ca,
    ready: () => index.ready(),
    close: async () => {
      scrub.stop();
      for (const chore of chores) await chore.stop();
      await parts.recency.flush();
      await integrity.settled();
      await parts.durability.close(CLOSE_PATIENCE);
      await index.close();
    },
  };
}

/** The disk is ours to keep free where the bytes are in the folder. */
function diskOf({ dataDir, freeDiskFloor, volumeBytes }: CacheOptions): Disk | undefined {
  if (freeDiskFloor === undefined) return undefined;
  return { floor: freeDiskFloor, space: (used) => spaceOf(dataDir, volumeBytes, used) };
}

/** The SDK is loaded where it is used alone: it is as large as the rest of the api. */
async function openBlobs({ dataDir, s3 }: CacheOptions): Promise<Blobs> {
  if (s3 === undefined) return FolderBlobs.open(join(dataDir, 'blobs'));
  const { S3Blobs } = await import('./blobs/s3/s3_blobs.ts');
  return S3Blobs.open(s3);
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
