import type { DatabaseSync } from 'node:sqlite';

/**
 * Forward-only: a step, once released, is never changed; `user_version` counts the steps done.
 *
 * A space is what one look-up sees in one scope. It is a table of its own so that the long strings of tenant, scope
 * and version stand once, and the indexes of the entries hold a number instead.
 * `sequence` is the order of commits, NULL while an upload is open; a clock may step back, it does not.
 * AUTOINCREMENT keeps ids from being reused: a signed URL must never come to mean another entry.
 */
const STEPS = [
  `
  CREATE TABLE spaces (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    version TEXT NOT NULL,
    UNIQUE (tenant, scope, version)
  ) STRICT;

  CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space INTEGER NOT NULL REFERENCES spaces (id),
    key TEXT NOT NULL,
    upload TEXT NOT NULL UNIQUE,
    active_at INTEGER NOT NULL,
    sequence INTEGER UNIQUE,
    size INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT 0,
    used_at INTEGER NOT NULL DEFAULT 0,
    durable INTEGER NOT NULL DEFAULT 0,
    UNIQUE (space, key)
  ) STRICT;
  CREATE INDEX entries_newest ON entries (space, sequence, key) WHERE sequence IS NOT NULL;
  CREATE INDEX entries_open ON entries (active_at) WHERE sequence IS NULL;
  CREATE INDEX entries_undurable ON entries (id) WHERE durable = 0 AND sequence IS NOT NULL;

  CREATE TABLE parts (
    entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (entry, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX parts_blob ON parts (blob);

  CREATE TABLE contents (
    entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    number INTEGER NOT NULL,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (entry, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX contents_blob ON contents (blob);
  `,
];

/** Brings the file to the newest shape. Throws when it was written by a newer Harrier. */
export function migrate(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    const done = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    if (done > STEPS.length) {
      throw new Error(`the cache index has schema ${done}, this Harrier knows up to ${STEPS.length}`);
    }
    for (const step of STEPS.slice(done)) db.exec(step);
    db.exec(`PRAGMA user_version = ${STEPS.length}`);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}
