import type { Entry, Owned, Part, StoredBlob } from './model.ts';

/** The columns that every row of an entry comes with, in either database. */
export const ENTRY = 'entries.id, entries.key, entries.size, entries.created_at, entries.used_at';
export type EntryRow = { id: number; key: string; size: number; created_at: number; used_at: number };

export type OwnedRow = EntryRow & { scope: string; version: string; tenant: string; pool: string };

export const PART = 'number, blob, size, crc32, mark';
export type PartRow = {
  number: number;
  blob: string;
  size: number;
  crc32: number | null;
  mark: string | null;
};

export function entryOf(found: EntryRow, scope: string, version: string): Entry {
  return {
    id: String(found.id),
    scope,
    key: found.key,
    version,
    sizeBytes: found.size,
    createdAt: found.created_at,
    lastUsedAt: found.used_at,
  };
}

export function ownedOf(found: OwnedRow): Owned {
  return { ...entryOf(found, found.scope, found.version), tenant: found.tenant, pool: found.pool };
}

export function partOf({ number, ...stored }: PartRow): Part {
  return { number, ...blobOf(stored) };
}

export function blobOf({ blob, size, crc32, mark }: Omit<PartRow, 'number'>): StoredBlob {
  return {
    blob,
    sizeBytes: size,
    ...(crc32 === null ? {} : { crc32 }),
    ...(mark === null ? {} : { mark }),
  };
}
