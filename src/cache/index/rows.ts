import type { StatementSync } from 'node:sqlite';
import type { Entry } from './index.ts';

/** Above every string: the end of a range that has none of its own. A blob sorts after any text in SQLite. */
export const NO_END = new Uint8Array(0);

export type EntryRow = { id: number; key: string; size: number; created_at: number; used_at: number };

type Value = Parameters<StatementSync['get']>[1];

/** The columns are those of statements.ts; STRICT tables hold them to their types. */
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
