import { type OwnedRow, ownedOf } from '../entry_rows.ts';
import type { Owned, Quarantined, Removed } from '../model.ts';
import type { PostgresDatabase, Query } from './database.ts';
import { ownedIn } from './manage.ts';
import { isId } from './rows.ts';

type QuarantinedRow = OwnedRow & { reason: string; at: number };

/** How committed entries go: at once, or over a quarantine that keeps their blobs named. */
export function removing(db: PostgresDatabase) {
  const s = db.schema;
  const sql = {
    // The row is locked, so that of two who take it out one does.
    owned: {
      text: `${ownedIn(s)} AND owners.tenant = $1 AND entries.id = ANY ($2::bigint[])
        ORDER BY entries.id FOR UPDATE OF entries`,
    },
    blobs: { text: `SELECT DISTINCT entry, blob FROM ${s}.contents WHERE entry = ANY ($1::bigint[])` },
    remove: { text: `DELETE FROM ${s}.entries WHERE id = ANY ($1::bigint[])` },
    // A version is the client's choice, so that spaces would else become ever more.
    dropSpaces: {
      text: `DELETE FROM ${s}.spaces WHERE tenant = $1
        AND (scope, version) IN (SELECT * FROM unnest($2::text[], $3::text[]))
        AND NOT EXISTS (SELECT FROM ${s}.entries WHERE space = spaces.id)`,
    },
    quarantine: {
      text: `INSERT INTO ${s}.quarantined
        (id, tenant, pool, scope, key, version, size, created_at, used_at, reason, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    },
    quarantineBlobs: {
      text: `INSERT INTO ${s}.quarantined_blobs (entry, blob)
        SELECT DISTINCT entry, blob FROM ${s}.contents WHERE entry = $1`,
    },
    quarantined: { text: `SELECT * FROM ${s}.quarantined ORDER BY at, id LIMIT $1` },
    dropQuarantined: {
      text: `WITH gone AS (DELETE FROM ${s}.quarantined WHERE at < $1 RETURNING id)
        SELECT DISTINCT blob FROM gone JOIN ${s}.quarantined_blobs ON entry = id`,
    },
  };

  async function drop(query: Query, tenant: string, found: readonly OwnedRow[]): Promise<void> {
    const ids = found.map(({ id }) => id);
    await query(sql.remove, ids);
    const [scopes, versions] = [found.map(({ scope }) => scope), found.map(({ version }) => version)];
    await query(sql.dropSpaces, tenant, scopes, versions);
  }

  return {
    remove: (tenant: string, entryIds: readonly string[]): Promise<Removed> =>
      db.transaction(async (query) => {
        const { rows: found } = await query<OwnedRow>(sql.owned, tenant, entryIds.filter(isId));
        if (found.length === 0) return { entries: [], blobs: [] };
        const { rows: blobs } = await query<{ blob: string }>(
          sql.blobs,
          found.map(({ id }) => id),
        );
        await drop(query, tenant, found);
        return { entries: found.map(ownedOf), blobs: blobs.map(({ blob }) => blob) };
      }),

    quarantine: (tenant: string, entryId: string, reason: string, now: number): Promise<Owned | undefined> =>
      db.transaction(async (query) => {
        const [found] = (await query<OwnedRow>(sql.owned, tenant, [entryId].filter(isId))).rows;
        if (found === undefined) return undefined;
        const { id, pool, scope, key, version, size, created_at, used_at } = found;
        await query(
          sql.quarantine,
          ...[id, tenant, pool, scope, key, version, size, created_at, used_at, reason, now],
        );
        await query(sql.quarantineBlobs, id);
        await drop(query, tenant, [found]);
        return ownedOf(found);
      }),

    async quarantined(limit: number): Promise<Quarantined[]> {
      const found = await db.read<QuarantinedRow>(sql.quarantined, limit);
      return found.map((one) => ({ ...ownedOf(one), reason: one.reason, at: one.at }));
    },

    async dropQuarantined(before: number): Promise<string[]> {
      const { rows } = await db.write<{ blob: string }>(sql.dropQuarantined, before);
      return rows.map(({ blob }) => blob);
    },
  };
}
