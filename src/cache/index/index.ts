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
  /** False when scope, version and key are taken, by an entry or by another reservation. */
  reserve(tenant: string, reservation: Reservation): Promise<boolean>;
  upload(tenant: string, uploadId: string): Promise<Upload | undefined>;
  /** Notes parts of an open upload, a number again replacing the earlier; false when no such upload is open. */
  addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number): Promise<boolean>;
  parts(tenant: string, uploadId: string): Promise<Part[]>;
  /** Makes the upload an entry of these parts in this order, atomically; undefined when it or a part is gone. */
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

  // Housekeeping over all tenants: it hands out ids of blobs and entries, never what a tenant calls them.

  /** Forgets open uploads without activity since `before`; answers their blobs. */
  releaseAbandoned(before: number): Promise<string[]>;
  /** Which of these blobs a part or an entry names. */
  namedBlobs(blobs: readonly string[]): Promise<Set<string>>;
  /** Committed entries not yet marked durable, with their blobs. */
  undurable(): Promise<{ entryId: string; blobs: string[] }[]>;
  markDurable(entryIds: readonly string[]): Promise<void>;
  /** Forgets every entry not marked durable; answers how many. */
  dropUndurable(): Promise<number>;
  /** Throws when the index can't answer. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

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

export interface Reservation {
  readonly uploadId: string;
  readonly scope: string;
  readonly key: string;
  readonly version: string;
  readonly now: number;
}

export interface Upload {
  readonly scope: string;
  /** The entry, once the upload is committed. */
  readonly committed?: { readonly entryId: string; readonly sizeBytes: number; readonly numbers: number[] };
}

export interface Part {
  readonly number: number;
  readonly blob: string;
  readonly sizeBytes: number;
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
  readonly blobs: readonly { readonly blob: string; readonly sizeBytes: number }[];
}

export interface Use {
  readonly tenant: string;
  readonly entryId: string;
  readonly at: number;
}

/**
 * The least string above every string that begins with `prefix`, in the order of code points (which is the order of
 * UTF-8 bytes); undefined when there is none. With it a prefix is a range of an index, without LIKE's wildcards.
 */
export function prefixEnd(prefix: string): string | undefined {
  const last = prefix.codePointAt(prefix.length - 1);
  if (last === undefined) return undefined;
  // The usual end, without taking the string apart; surrogates and what is beside them need more care.
  if (last < 0xd7ff) return prefix.slice(0, -1) + String.fromCharCode(last + 1);
  return endOfRare(prefix);
}

function endOfRare(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // Surrogates are no characters: the next after U+D7FF is U+E000.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}
