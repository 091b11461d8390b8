/** One value bound to a `?`. */
export type Value = string | number | null;

/** Statements of SQL that SQLite and PostgreSQL read alike, with `?` for values; both know RETURNING. */
export interface Sql {
  /** The rows that it answers; integers may come as text. */
  all(sql: string, ...values: Value[]): Promise<Record<string, unknown>[]>;
  /** How many rows it changed. */
  run(sql: string, ...values: Value[]): Promise<number>;
}

/** The little that the index of artifacts asks of a database. */
export interface Database extends Sql {
  /** Ends a SELECT of rows that the transaction is about to change: what keeps others from them, or nothing. */
  readonly forUpdate: string;
  /** All or nothing: undone when `work` throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
