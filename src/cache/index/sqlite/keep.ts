import type { StoredBlob, Use } from '../model.ts';
import type { SqliteFile } from './file.ts';
import { row, rows } from './rows.ts';

/** What the index notes of entries and blobs between their saving and their end. */
export function keeping(file: SqliteFile) {
  const sql = {
    touch: file.prepare(
      `UPDATE entries SET used_at = ?1 WHERE id = ?2 AND used_at < ?1
       AND (SELECT tenant FROM spaces WHERE spaces.id = entries.space) = ?3`,
    ),
    remark: file.prepare('UPDATE contents SET crc32 = ?, mark = ? WHERE entry = ? AND blob = ?'),
    named: file.prepare(
      `SELECT 1 FROM parts WHERE blob = ?1 UNION ALL SELECT 1 FROM contents WHERE blob = ?1
       UNION ALL SELECT 1 FROM quarantined_blobs WHERE blob = ?1 LIMIT 1`,
    ),
    open: file.prepare('SELECT count(*) AS uploads FROM entries WHERE sequence IS NULL'),
    undurable: file.prepare('SELECT id FROM entries WHERE durable = 0 AND sequence IS NOT NULL ORDER BY id'),
    blobs: file.prepare('SELECT blob FROM contents WHERE entry = ? ORDER BY position'),
    markDurable: file.prepare('UPDATE entries SET durable = 1 WHERE id = ?'),
    dropUndurable: file.prepare('DELETE FROM entries WHERE durable = 0 AND sequence IS NOT NULL'),
    answers: file.prepare('SELECT count(*) FROM (SELECT 1 FROM entries LIMIT 1)'),
  };

  return {
    touch: (uses: readonly Use[]) =>
      file.transaction(() => {
        for (const { at, entryId, tenant } of uses) sql.touch.run(at, entryId, tenant);
        return true;
      }),

    remark: (entryId: string, blobs: readonly StoredBlob[]) =>
      file.transaction(() => {
        for (const { blob, crc32, mark } of blobs) sql.remark.run(crc32 ?? null, mark ?? null, entryId, blob);
        return true;
      }),

    openUploads: () => row<{ uploads: number }>(sql.open)?.uploads ?? 0,

    namedBlobs: (blobs: readonly string[]) =>
      new Set(blobs.filter((blob) => row(sql.named, blob) !== undefined)),

    undurable: () =>
      rows<{ id: number }>(sql.undurable).map(({ id }) => ({
        entryId: String(id),
        blobs: rows<{ blob: string }>(sql.blobs, id).map((one) => one.blob),
      })),

    markDurable: (entryIds: readonly string[]) =>
      file.transaction(() => {
        for (const id of entryIds) sql.markDurable.run(id);
        return true;
      }),

    dropUndurable: () => file.transaction(() => Number(sql.dropUndurable.run().changes)),

    /** Throws when the file can't be read. */
    ready: () => row(sql.answers),
  };
}
