import type { StatementSync } from 'node:sqlite';

export * from '../entry_rows.ts';

/** Above every string: the end of a range that has none of its own. A blob sorts after any text in SQLite. */
export const NO_END = new Uint8Array(0);

export type Value = Parameters<StatementSync['get']>[1];

/** STRICT tables hold the columns to their types. */
export function row<T>(statement: StatementSync, ...values: Value[]): T | undefined {
  return statement.get(...values) as T | undefined;
}

export function rows<T>(statement: StatementSync, ...values: Value[]): T[] {
  return statement.all(...values) as T[];
}
