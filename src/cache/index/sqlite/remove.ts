import type { Owned, Quarantined, Removed } from '../model.ts';
import type { SqliteFile } from './file.ts';
import { OWNED } from './manage.ts';
import { type OwnedRow, ownedOf, row, rows } from './rows.ts';

type QuarantinedRow = OwnedRow & { reason: string; at: number };

/** How committed entries go: at once, or over a quarantine that keeps their blobs named. */
export function removing(file: SqliteFile) {
  const sql = {
    owned: file.prepare(`${OWNED} AND owners.tenant = ? AND entries.id = ?`),
    blobs: file.prepare('SELECT DISTINCT blob FROM contents WHERE entry = ?'),
    remove: file.prepare('DELETE FROM entries WHERE id = ?'),
    // A version is the client's choice, so that spaces would else become ever more.
    dropSpace: file.prepare(
      `DELETE FROM spaces WHERE tenant = ?1 AND scope = ?2 AND version = ?3
       AND NOT EXISTS (SELECT 1 FROM entries WHERE space = spaces.id)`,
    ),
    quarantine: file.prepare(
      `INSERT INTO quarantined (id, tenant, pool, scope, key, version, size, created_at, used_at, reason, at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    quarantineBlobs: file.prepare(
      'INSERT INTO quarantined_blobs (entry, blob) SELECT DISTINCT entry, blob FROM contents WHERE entry = ?',
    ),
    quarantined: file.prepare('SELECT * FROM quarantined ORDER BY at, id LIMIT ?'),
    outdatedBlobs: file.prepare(
      'SELECT DISTINCT blob FROM quarantined JOIN quarantined_blobs ON entry = id WHERE at < ?',
    ),
    dropQuarantined: file.prepare('DELETE FROM quarantined WHERE at < ?'),
  };

  function drop({ id, tenant, scope, version }: OwnedRow): void {
    sql.remove.run(id);
    sql.dropSpace.run(tenant, scope, version);
  }

  return {
    remove(tenant: string, entryIds: readonly string[]): Removed {
      return file.transaction(() => {
        const entries: Owned[] = [];
        const blobs: string[] = [];
        for (const entryId of entryIds) {
          const found = row<OwnedRow>(sql.owned, tenant, entryId);
          if (found === undefined) continue;
          entries.push(ownedOf(found));
          blobs.push(...rows<{ blob: string }>(sql.blobs, found.id).map((one) => one.blob));
          drop(found);
        }
        return { entries, blobs };
      });
    },

    quarantine(tenant: string, entryId: string, reason: string, now: number): Owned | undefined {
      return file.transaction(() => {
        const found = row<OwnedRow>(sql.owned, tenant, entryId);
        if (found === undefined) return undefined;
        const { id, pool, scope, key, version, size, created_at, used_at } = found;
        sql.quarantine.run(id, tenant, pool, scope, key, version, size, created_at, used_at, reason, now);
        sql.quarantineBlobs.run(id);
        drop(found);
        return ownedOf(found);
      });
    },

    quarantined: (limit: number): Quarantined[] =>
      rows<QuarantinedRow>(sql.quarantined, limit).map((found) => ({
        ...ownedOf(found),
        reason: found.reason,
        at: found.at,
      })),

    dropQuarantined(before: number): string[] {
      return file.transaction(() => {
        const blobs = rows<{ blob: string }>(sql.outdatedBlobs, before).map((one) => one.blob);
        sql.dropQuarantined.run(before);
        return blobs;
      });
    },
  };
}
