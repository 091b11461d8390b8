import type { DatabaseSync } from 'node:sqlite';

const ENTRY = 'id, key, size, created_at, used_at';
/** Spaces are reached by their tenant, and entries by their space: no statement below finds one otherwise. */
const OF_TENANT = 'JOIN spaces ON spaces.id = entries.space AND spaces.tenant = ?';

export type Statements = ReturnType<typeof prepareStatements>;

/** Every statement of the embedded index, prepared once. Text compares by its UTF-8 bytes (BINARY). */
export function prepareStatements(db: DatabaseSync) {
  const one = (sql: string) => db.prepare(sql);
  return {
    space: one('SELECT id FROM spaces WHERE tenant = ? AND scope = ? AND version = ?'),
    addSpace: one('INSERT INTO spaces (tenant, scope, version) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    firstTwo: one(
      `SELECT ${ENTRY}, sequence FROM entries WHERE space = ? AND key >= ? AND key < ? ORDER BY key LIMIT 2`,
    ),
    entry: one(`SELECT ${ENTRY} FROM entries WHERE id = ?`),
    /** Few entries in the range of keys: the newest of them, and how many were seen. */
    inRange: one(
      `SELECT id, max(sequence) AS sequence, count(*) AS seen FROM
         (SELECT id, sequence FROM entries WHERE space = ? AND key >= ? AND key < ? LIMIT ?)`,
    ),
    /** Many entries in the range: going back from the newest of the space meets one of them soon. */
    newest: one(
      `SELECT ${ENTRY} FROM entries INDEXED BY entries_newest
       WHERE space = ? AND sequence IS NOT NULL AND key >= ? AND key < ? ORDER BY sequence DESC LIMIT 1`,
    ),
    scopeSpaces: one('SELECT id, version FROM spaces WHERE tenant = ? AND scope = ?'),
    listed: one(
      `SELECT ${ENTRY}, sequence FROM entries WHERE space = ? AND sequence IS NOT NULL AND key >= ? AND key < ?
       ORDER BY sequence DESC LIMIT ?`,
    ),
    counted: one(
      'SELECT count(*) AS total FROM entries WHERE space = ? AND sequence IS NOT NULL AND key >= ? AND key < ?',
    ),
    reserve: one(
      'INSERT INTO entries (space, key, upload, active_at) VALUES (?, ?, ?, ?) ON CONFLICT (space, key) DO NOTHING',
    ),
    upload: one(
      `SELECT entries.id, key, size, sequence, scope, version FROM entries ${OF_TENANT} WHERE upload = ?`,
    ),
    active: one('UPDATE entries SET active_at = ? WHERE id = ?'),
    addPart: one(
      `INSERT INTO parts (entry, number, blob, size) VALUES (?, ?, ?, ?)
       ON CONFLICT (entry, number) DO UPDATE SET blob = excluded.blob, size = excluded.size`,
    ),
    parts: one('SELECT number, blob, size FROM parts WHERE entry = ? ORDER BY number'),
    include: one(
      `INSERT INTO contents (entry, position, number, blob, size)
       SELECT entry, ?, number, blob, size FROM parts WHERE entry = ? AND number = ? AND blob = ?`,
    ),
    leftOut: one(
      'SELECT blob FROM parts WHERE entry = ?1 AND blob NOT IN (SELECT blob FROM contents WHERE entry = ?1)',
    ),
    dropParts: one('DELETE FROM parts WHERE entry = ?'),
    complete: one(
      `UPDATE entries SET sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM entries),
       size = ?, created_at = ?, used_at = ? WHERE id = ?`,
    ),
    forget: one('DELETE FROM entries WHERE id = ?'),
    content: one(
      `SELECT entries.id, size, upload FROM entries ${OF_TENANT} WHERE entries.id = ? AND sequence IS NOT NULL`,
    ),
    contents: one('SELECT number, blob, size FROM contents WHERE entry = ? ORDER BY position'),
    touch: one(
      `UPDATE entries SET used_at = max(used_at, ?) WHERE id = ?
       AND (SELECT tenant FROM spaces WHERE spaces.id = entries.space) = ?`,
    ),
    abandoned: one('SELECT id FROM entries WHERE sequence IS NULL AND active_at < ?'),
    named: one(
      'SELECT 1 FROM parts WHERE blob = ?1 UNION ALL SELECT 1 FROM contents WHERE blob = ?1 LIMIT 1',
    ),
    undurable: one('SELECT id FROM entries WHERE durable = 0 AND sequence IS NOT NULL ORDER BY id'),
    markDurable: one('UPDATE entries SET durable = 1 WHERE id = ?'),
    answers: one('SELECT count(*) FROM (SELECT 1 FROM entries LIMIT 1)'),
    dropUndurable: one('DELETE FROM entries WHERE durable = 0 AND sequence IS NOT NULL'),
  };
}
