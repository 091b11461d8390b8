import type { StatementSync } from 'node:sqlite';
import type { Entry, Owned, Part } from '../model.ts';

/** Above every string: the end of a range that has none of its own. A blob sorts after any text in SQLite. */
export const NO_END = new Uint8Array(0);

export type Value = Parameters<StatementSync['get']>[1];

/** The columns that every row of an entry comes with. STRICT tables hold them to their types. */
export const ENTRY = 'entries.id, entries.key, entries.size, entries.created_at, entries.used_at';
export type EntryRow = { id: number; key: string; size: number; created_at: number; used_at: number };

export const PART = 'number, blob, size, crc32, mark';
export type PartRow = {
  number: number;
  blob: string;
  size: number;
  crc32: number | null;
  mark: string | null;
};

export type OwnedRow = EntryRow & { scope: string; version: string; tenant: string; pool: string };

export function row<T>(statement: StatementSync, ...values: Value[]): T | undefined {
  return statement.get(...values) as T | undefined;
}

export function rows<T>(statement: StatementSync, ...values: Value[]): T[] {
  return statement.all(...values) as T[];
}

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

export function partOf({ number, blob, size, crc32, mark }: PartRow): Part {
  return {
    number,
    blob,
    sizeBytes: size,
    ...(crc32 === null ? {} : { crc32 }),
    ...(mark === null ? {} : { mark }),
  };
}
