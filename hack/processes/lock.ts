import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs the work while no other process on this machine runs work under the same file.
 * SQLite's lock is the kernel's: it ends with its process, kill -9 included, so none is ever stale.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  waiting: (text: string) => void = () => {},
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const database = new DatabaseSync(file);
  try {
    while (!tryLock(database)) {
      waiting(`waiting for process ${holder(file)}, which does the same`);
      await sleep(200);
    }
    writeFileSync(`${file}.pid`, String(process.pid));
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    const SQLITE_BUSY = 5;
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}

function holder(file: string): string {
  try {
    return readFileSync(`${file}.pid`, 'utf8');
  } catch {
    return '(unknown)';
  }
}
