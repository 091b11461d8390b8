import type { DatabaseSync } from 'node:sqlite';

/**
 * An owner is one tenant's and one pool's share, with its usage, which triggers keep: no way of adding or dropping an
 * entry can forget it. `owner` is NULL nowhere, but a column that refers to another table can only be added nullable.
 * Of older entries the pool is known where the tenant is a pool: those tenants have one slash (tokens/cache_tenant.ts).
 * Creations are reservations of the last minute. What is in quarantine is out of `entries`, so that no statement
 * there can forget to pass it over.
 */
const STEP_2 = `
  CREATE TABLE owners (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    pool TEXT NOT NULL,
    entries INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, pool)
  ) STRICT;
  CREATE INDEX owners_pool ON owners (pool);

  ALTER TABLE entries ADD COLUMN owner INTEGER REFERENCES owners (id);
  INSERT INTO owners (tenant, pool)
    SELECT DISTINCT tenant, iif(length(tenant) - length(replace(tenant, '/', '')) = 1, tenant, '')
    FROM spaces WHERE EXISTS (SELECT 1 FROM entries WHERE space = spaces.id);
  UPDATE entries SET owner =
    (SELECT owners.id FROM spaces JOIN owners USING (tenant) WHERE spaces.id = entries.space);
  UPDATE owners SET (entries, size) =
    (SELECT count(*), coalesce(sum(size), 0) FROM entries WHERE owner = owners.id AND sequence IS NOT NULL);

  CREATE INDEX entries_used ON entries (used_at) WHERE sequence IS NOT NULL;
  CREATE INDEX entries_owner ON entries (owner, used_at) WHERE sequence IS NOT NULL;

  CREATE TRIGGER entries_committed AFTER UPDATE OF sequence ON entries
    WHEN old.sequence IS NULL AND new.sequence IS NOT NULL
    BEGIN UPDATE owners SET entries = entries + 1, size = size + new.size WHERE id = new.owner; END;
  CREATE TRIGGER entries_dropped AFTER DELETE ON entries WHEN old.sequence IS NOT NULL
    BEGIN UPDATE owners SET entries = entries - 1, size = size - old.size WHERE id = old.owner; END;

  ALTER TABLE parts ADD COLUMN crc32 INTEGER;
  ALTER TABLE parts ADD COLUMN mark TEXT;
  ALTER TABLE contents ADD COLUMN crc32 INTEGER;
  ALTER TABLE contents ADD COLUMN mark TEXT;

  CREATE TABLE creations (
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL,
    upload TEXT NOT NULL,
    PRIMARY KEY (tenant, at, upload)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX creations_at ON creations (at);

  CREATE TABLE quarantined (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    pool TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX quarantined_at ON quarantined (at);
  CREATE TABLE quarantined_blobs (
    entry INTEGER NOT NULL REFERENCES quarantined (id) ON DELETE CASCADE,
    blob TEXT NOT NULL,
    PRIMARY KEY (entry, blob)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX quarantined_blobs_blob ON quarantined_blobs (blob);
`;

/**
 * Forward-only: a step, once released, is never changed; `user_version` counts the steps done.
 *
 * A space is what one look-up sees in one scope. It is a table of its own so that the long strings of tenant, scope
 * and version stand once, and the indexes of the entries hold a number instead.
 * `sequence` is the order of commits, NULL while an upload is open; a clock may step back, it does not.
 * AUTOINCREMENT keeps ids from being reused: a signed URL must never come to mean another entry.
 */
export const STEPS = [
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
  STEP_2,
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
