import { type Committed, CREATION_WINDOW, type Part, type Reservation, type Reserved } from '../model.ts';
import type { SqliteFile } from './file.ts';
import { entryOf, PART, type PartRow, partOf, row, rows } from './rows.ts';

type OpenUpload = { id: number; key: string; scope: string; version: string };

/** An upload from its reservation to its commit or its end. */
export function saving(file: SqliteFile) {
  const sql = {
    taken: file.prepare(
      `SELECT 1 FROM entries JOIN spaces ON spaces.id = entries.space
       WHERE tenant = ? AND scope = ? AND version = ? AND key = ?`,
    ),
    forgetCreations: file.prepare('DELETE FROM creations WHERE tenant = ? AND at NOT BETWEEN ? AND ?'),
    /** When the creation was made that must leave the window before there is room for another. */
    inTheWay: file.prepare('SELECT at FROM creations WHERE tenant = ? ORDER BY at DESC LIMIT 1 OFFSET ?'),
    addCreation: file.prepare('INSERT INTO creations (tenant, at, upload) VALUES (?, ?, ?)'),
    addSpace: file.prepare(
      'INSERT INTO spaces (tenant, scope, version) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    addOwner: file.prepare('INSERT INTO owners (tenant, pool) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    reserve: file.prepare(
      `INSERT INTO entries (space, owner, key, upload, active_at) SELECT spaces.id, owners.id, ?, ?, ?
       FROM spaces JOIN owners USING (tenant) WHERE tenant = ? AND scope = ? AND version = ? AND pool = ?`,
    ),
    open: file.prepare(
      `SELECT entries.id, key, scope, version FROM entries
       JOIN spaces ON spaces.id = entries.space AND tenant = ? WHERE upload = ? AND sequence IS NULL`,
    ),
    active: file.prepare('UPDATE entries SET active_at = ? WHERE id = ?'),
    addPart: file.prepare(
      `INSERT INTO parts (entry, ${PART}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (entry, number) DO UPDATE
       SET blob = excluded.blob, size = excluded.size, crc32 = excluded.crc32, mark = excluded.mark`,
    ),
    parts: file.prepare(`SELECT ${PART} FROM parts WHERE entry = ? ORDER BY number`),
    include: file.prepare(
      `INSERT INTO contents (entry, position, ${PART})
       SELECT entry, ?, number, blob, size, ?, ? FROM parts WHERE entry = ? AND number = ? AND blob = ?`,
    ),
    leftOut: file.prepare(
      'SELECT blob FROM parts WHERE entry = ?1 AND blob NOT IN (SELECT blob FROM contents WHERE entry = ?1)',
    ),
    dropParts: file.prepare('DELETE FROM parts WHERE entry = ?'),
    complete: file.prepare(
      `UPDATE entries SET sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM entries),
       size = ?, created_at = ?, used_at = ? WHERE id = ?`,
    ),
    forget: file.prepare('DELETE FROM entries WHERE id = ?'),
    abandoned: file.prepare('SELECT id FROM entries WHERE sequence IS NULL AND active_at < ?'),
    forgetOldCreations: file.prepare('DELETE FROM creations WHERE at < ?'),
  };

  const opened = (tenant: string, uploadId: string) => row<OpenUpload>(sql.open, tenant, uploadId);

  /** How long until the tenant may create again, in ms; 0 when it may now. */
  function toWait(tenant: string, now: number, limit: number | undefined): number {
    // A clock that was far ahead must not count against the tenant until its time has come.
    sql.forgetCreations.run(tenant, now - CREATION_WINDOW + 1, now + CREATION_WINDOW);
    if (limit === undefined) return 0;
    if (limit < 1) return CREATION_WINDOW;
    const inTheWay = row<{ at: number }>(sql.inTheWay, tenant, limit - 1);
    return inTheWay === undefined ? 0 : Math.min(inTheWay.at + CREATION_WINDOW - now, CREATION_WINDOW);
  }

  function forgetUpload(id: number): string[] {
    const blobs = rows<PartRow>(sql.parts, id).map((part) => part.blob);
    sql.forget.run(id);
    return blobs;
  }

  return {
    reserve(tenant: string, asked: Reservation): Reserved {
      const { uploadId, scope, key, version, pool, creationsPerMinute, now } = asked;
      return file.transaction((): Reserved => {
        if (sql.taken.get(tenant, scope, version, key) !== undefined) return { outcome: 'taken' };
        const retryAfterMs = toWait(tenant, now, creationsPerMinute);
        if (retryAfterMs > 0) return { outcome: 'too-many', retryAfterMs };
        sql.addSpace.run(tenant, scope, version);
        sql.addOwner.run(tenant, pool);
        sql.reserve.run(key, uploadId, now, tenant, scope, version, pool);
        sql.addCreation.run(tenant, now, uploadId);
        return { outcome: 'reserved' };
      });
    },

    addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number): boolean {
      return file.transaction(() => {
        const open = opened(tenant, uploadId);
        if (open === undefined) return false;
        for (const { number, blob, sizeBytes, crc32, mark } of parts) {
          sql.addPart.run(open.id, number, blob, sizeBytes, crc32 ?? null, mark ?? null);
        }
        sql.active.run(now, open.id);
        return true;
      });
    },

    parts(tenant: string, uploadId: string): Part[] {
      const open = opened(tenant, uploadId);
      return open === undefined ? [] : rows<PartRow>(sql.parts, open.id).map(partOf);
    },

    commit(tenant: string, uploadId: string, parts: readonly Part[], now: number): Committed | undefined {
      return file.transaction(() => {
        const open = opened(tenant, uploadId);
        if (open === undefined) return undefined;
        for (const [position, { number, blob, crc32, mark }] of parts.entries()) {
          const included = sql.include.run(position, crc32 ?? null, mark ?? null, open.id, number, blob);
          if (included.changes !== 1) return undefined;
        }
        const size = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
        const dropped = rows<{ blob: string }>(sql.leftOut, open.id).map((part) => part.blob);
        sql.dropParts.run(open.id);
        sql.complete.run(size, now, now, open.id);
        const entry = { id: open.id, key: open.key, size, created_at: now, used_at: now };
        return { entry: entryOf(entry, open.scope, open.version), dropped };
      });
    },

    release(tenant: string, uploadId: string): string[] | undefined {
      return file.transaction(() => {
        const open = opened(tenant, uploadId);
        return open && forgetUpload(open.id);
      });
    },

    releaseAbandoned(before: number): string[] {
      return file.transaction(() => {
        sql.forgetOldCreations.run(before - CREATION_WINDOW);
        return rows<{ id: number }>(sql.abandoned, before).flatMap(({ id }) => forgetUpload(id));
      });
    },
  };
}
