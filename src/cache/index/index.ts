import type {
  Committed,
  Content,
  Entry,
  Owned,
  Owner,
  Page,
  PageFilter,
  PageOrder,
  Part,
  Probe,
  Quarantined,
  Removed,
  Reservation,
  Reserved,
  StoredBlob,
  Upload,
  Usage,
  Use,
} from './model.ts';

export type * from './model.ts';

/**
 * What the cache knows of its entries; the bytes are elsewhere (blobs). Every function that reads or writes an
 * entry takes its tenant first and reaches nothing of another's. Whatever implements this passes the suite in
 * test/cache/index_conformance.ts. Times are milliseconds since the epoch.
 */
export interface CacheIndex {
  /** The first probe's entry, else the second's, and so on; only committed entries. */
  find(tenant: string, version: string, probes: readonly Probe[]): Promise<Entry | undefined>;
  /** Committed entries of the scopes whose keys begin with `prefix`, newest first, at most `limit` of them. */
  list(
    tenant: string,
    scopes: readonly string[],
    prefix: string,
    limit: number,
  ): Promise<{ total: number; entries: Entry[] }>;
  /**
   * Takes scope, version and key. Of concurrent tries exactly one is `reserved`. What is taken is so whatever the
   * rate; a reservation counts for the rate even when it is given back.
   */
  reserve(tenant: string, reservation: Reservation): Promise<Reserved>;
  upload(tenant: string, uploadId: string): Promise<Upload | undefined>;
  /** Notes parts of an open upload, a number again replacing the earlier; false when no such upload is open. */
  addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number): Promise<boolean>;
  parts(tenant: string, uploadId: string): Promise<Part[]>;
  /**
   * Makes the upload an entry of these parts in this order, atomically; undefined when it or a part is gone. What the
   * parts say of checksum and mark is kept with the entry.
   */
  commit(
    tenant: string,
    uploadId: string,
    parts: readonly Part[],
    now: number,
  ): Promise<Committed | undefined>;
  /** Forgets an open upload; answers its blobs, or undefined when no such upload is open. */
  release(tenant: string, uploadId: string): Promise<string[] | undefined>;
  content(tenant: string, entryId: string): Promise<Content | undefined>;
  /** Notes when entries were last used; unknown ones are passed over. */
  touch(uses: readonly Use[]): Promise<void>;
  /** Takes the tenant's committed entries of these ids out; other ids are passed over. */
  remove(tenant: string, entryIds: readonly string[]): Promise<Removed>;
  /**
   * Hides a committed entry whose bytes are not right: its key is free at once and no look-up, list or count has it
   * any more, but its blobs stay named until `dropQuarantined`. Undefined when there is no such entry.
   */
  quarantine(tenant: string, entryId: string, reason: string, now: number): Promise<Owned | undefined>;

  // Management and limits. An Owner narrows them; what they answer of several tenants is for operators' eyes.

  /** Kept as a running count, so that it costs the same however many entries there are. */
  usage(of: Owner): Promise<Usage>;
  /** Every tenant and pool that has entries. */
  usages(): Promise<(Usage & { tenant: string; pool: string })[]>;
  page(of: Owner, filter: PageFilter, order: PageOrder, offset: number, limit: number): Promise<Page>;
  /** Least recently used first, by id where they were used at the same time. */
  leastRecentlyUsed(of: Owner, limit: number): Promise<Owned[]>;
  /** Last used before that time, least recently first. */
  unusedSince(of: Owner, before: number, limit: number): Promise<Owned[]>;

  // Housekeeping over all tenants.

  /** Forgets open uploads without activity since `before`; answers their blobs. */
  releaseAbandoned(before: number): Promise<string[]>;
  /** At most `limit` committed entries whose ids come after that one ('0' for the first), by id: a walk over all. */
  after(entryId: string, limit: number): Promise<Owned[]>;
  /** Notes anew what the store says of an entry's blobs, checksum and mark; the entry itself stays as it is. */
  remark(entryId: string, blobs: readonly StoredBlob[]): Promise<void>;
  /** How many uploads are open. */
  openUploads(): Promise<number>;
  /** Which of these blobs a part, an entry or a quarantined entry names. */
  namedBlobs(blobs: readonly string[]): Promise<Set<string>>;
  /** Committed entries not yet marked durable, with their blobs. */
  undurable(): Promise<{ entryId: string; blobs: string[] }[]>;
  markDurable(entryIds: readonly string[]): Promise<void>;
  /** Forgets every entry not marked durable; answers how many. */
  dropUndurable(): Promise<number>;
  /** The longest in quarantine first. */
  quarantined(limit: number): Promise<Quarantined[]>;
  /** Forgets what was quarantined before that time; answers its blobs. */
  dropQuarantined(before: number): Promise<string[]>;
  /** Throws when the index can't answer. */
  ready(): Promise<void>;
  close(): Promise<void>;
}
