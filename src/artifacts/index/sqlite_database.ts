import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Database, Sql, Value } from './database.ts';
import { SQLITE_STEPS } from './migrations.ts';

/**
 * The embedded database: one file, one process. Unlike the cache's index it waits for the disk at each commit
 * (synchronous=FULL): an artifact that a job was told is kept must outlive a power cut, and they are few.
 *
 * @param path File, created when absent; `:memory:` for none.
 */
export function openSqlite(path: string): Database {
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
  migrate(db);
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string) => {
    const known = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  const sql: Sql = {
    all: async (text, ...values) => statement(text).all(...values) as Record<string, Value>[],
    run: async (text, ...values) => Number(statement(text).run(...values).changes),
  };
  /** One connection: what comes meanwhile must neither see nor join a transaction under way. */
  let last: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
  return {
    forUpdate: '',
    all: (text, ...values) => alone(() => sql.all(text, ...values)),
    run: (text, ...values) => alone(() => sql.run(text, ...values)),
    transaction: (work) =>
      alone(async () => {
        db.exec('BEGIN IMMEDIATE');
        try {
          const result = await work(sql);
          db.exec('COMMIT');
          return result;
        } catch (error) {
          db.exec('ROLLBACK');
          throw error;
        }
      }),
    close: () =>
      alone(async () => {
        prepared.clear();
        db.close();
      }),
  };
}

function migrate(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    const done = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    if (done > SQLITE_STEPS.length)
      throw new Error(
        `the index of artifacts has schema ${done}, this Harrier knows up to ${SQLITE_STEPS.length}`,
      );
    for (const step of SQLITE_STEPS.slice(done)) db.exec(step);
    db.exec(`PRAGMA user_version = ${SQLITE_STEPS.length}`);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}
