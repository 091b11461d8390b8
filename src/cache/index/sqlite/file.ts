import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Finds } from './finds.ts';
import { migrate } from './migrations.ts';

/**
 * The file of the embedded index, for one process. WAL with synchronous=NORMAL: a killed process loses nothing; a power
 * cut may lose the last commits, never consistency (sqlite.org/pragma.html#pragma_synchronous).
 */
export class SqliteFile {
  readonly #db: DatabaseSync;
  /** What look-ups found since the last write. */
  readonly finds = new Finds();

  /** @param path File, created when absent; `:memory:` for none. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    // Pages are read where the kernel has them instead of being copied one by one: among a million entries a look-up
    // takes 1.1 instead of 1.4 times as long as among a thousand. What is mapped is the kernel's to drop again.
    this.#db.exec('PRAGMA mmap_size = 268435456; PRAGMA cache_size = -16384;');
    migrate(this.#db);
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql);
  }

  /** The one way to write. Undoes everything when `work` throws or answers nothing. */
  transaction<T>(work: () => T): T {
    this.finds.forget();
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec(result === undefined ? 'ROLLBACK' : 'COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}
