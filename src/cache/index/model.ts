/** What an index is asked and what it answers. Times are milliseconds since the epoch, sizes bytes. */

/**
 * One question of a look-up: the scope's entry with exactly this key, else the newest whose key begins with it. So a
 * longer key never hides the very one asked for, restore keys included.
 */
export interface Probe {
  readonly scope: string;
  readonly key: string;
}

export interface Entry {
  /** Decimal digits below 2^63, never reused: the v2 protocol's int64. */
  readonly id: string;
  readonly scope: string;
  readonly key: string;
  readonly version: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
  readonly lastUsedAt: number;
}

/** Of whom entries are counted, listed or evicted: the named tenant, the named pool, both at once; {} is everybody. */
export interface Owner {
  readonly tenant?: string;
  /** `<namespace>/<name>` of the pool whose runner saved. */
  readonly pool?: string;
}

/** An entry with those who answer for its bytes. */
export interface Owned extends Entry {
  readonly tenant: string;
  /** Empty for entries that an older Harrier saved for a repository, whose pool is not known. */
  readonly pool: string;
}

export interface Quarantined extends Owned {
  readonly reason: string;
  readonly at: number;
}

/** Of committed entries alone. */
export interface Usage {
  readonly entries: number;
  readonly sizeBytes: number;
}

export interface Reservation {
  readonly uploadId: string;
  readonly scope: string;
  readonly key: string;
  readonly version: string;
  /** The pool that the entry will be counted for. */
  readonly pool: string;
  /** Reservations that the tenant may make in any 60 s; absent for no limit. */
  readonly creationsPerMinute?: number;
  readonly now: number;
}

export type Reserved =
  | { readonly outcome: 'reserved' }
  /** Scope, version and key belong to an entry or to another reservation. */
  | { readonly outcome: 'taken' }
  | { readonly outcome: 'too-many'; readonly retryAfterMs: number };

export interface Upload {
  readonly scope: string;
  /** The entry, once the upload is committed. */
  readonly committed?: { readonly entryId: string; readonly sizeBytes: number; readonly numbers: number[] };
}

/** A blob that was stored, and by what a later look at it can tell that it is still the same. */
export interface StoredBlob {
  readonly blob: string;
  readonly sizeBytes: number;
  /** CRC-32 (ISO 3309, as in zlib) of the whole part, unsigned. */
  readonly crc32?: number;
  /** What the store said of the blob, opaque here: an ETag, or size and ctime. */
  readonly mark?: string;
}

export interface Part extends StoredBlob {
  readonly number: number;
}

export interface Committed {
  readonly entry: Entry;
  /** Blobs of parts that were left out of the entry. */
  readonly dropped: string[];
}

export interface Content {
  readonly sizeBytes: number;
  /** Opaque, different for every entry that ever was. */
  readonly etag: string;
  readonly blobs: readonly StoredBlob[];
}

export interface Use {
  readonly tenant: string;
  readonly entryId: string;
  readonly at: number;
}

/** Which entries of a page's owner; all conditions given must hold. */
export interface PageFilter {
  /** What the key begins with. */
  readonly key?: string;
  readonly scope?: string;
  readonly version?: string;
}

/** Entries equal in `by` follow each other by id, in the same direction. */
export interface PageOrder {
  readonly by: 'createdAt' | 'lastUsedAt' | 'sizeBytes';
  readonly descending: boolean;
}

export interface Page {
  /** All that the filter lets through, not only those on the page. */
  readonly total: number;
  readonly entries: Owned[];
}

/** What was taken out of the index; whoever asked for it removes the blobs. */
export interface Removed {
  readonly entries: Owned[];
  readonly blobs: string[];
}

/** The stretch over which reservations are counted, in ms. */
export const CREATION_WINDOW = 60_000;
