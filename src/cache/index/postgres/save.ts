import { type EntryRow, entryOf, PART, type PartRow, partOf } from '../entry_rows.ts';
import { type Committed, CREATION_WINDOW, type Part, type Reservation, type Reserved } from '../model.ts';
import type { PostgresDatabase } from './database.ts';

/** An upload from its reservation to its commit or its end: each step one statement, which is all or nothing. */
export function saving(db: PostgresDatabase) {
  const s = db.schema;
  const open = `SELECT entries.id FROM ${s}.entries JOIN ${s}.spaces ON spaces.id = entries.space
    WHERE tenant = $1 AND upload = $2 AND sequence IS NULL`;
  const sql = {
    reserve: {
      name: 'reserve',
      text: `SELECT ${s}.reserve_entry($1, $2, $3, $4, $5, $6, $7, $8, $9) AS outcome`,
    },
    addParts: {
      name: 'add-parts',
      text: `WITH open AS (
          UPDATE ${s}.entries SET active_at = $3 FROM ${s}.spaces
          WHERE spaces.id = entries.space AND tenant = $1 AND upload = $2 AND sequence IS NULL RETURNING entries.id
        ), added AS (
          INSERT INTO ${s}.parts (entry, ${PART}) SELECT open.id, part.* FROM open,
            unnest($4::integer[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]) AS part
          ON CONFLICT (entry, number) DO UPDATE
            SET blob = excluded.blob, size = excluded.size, crc32 = excluded.crc32, mark = excluded.mark
        ) SELECT id FROM open`,
    },
    parts: {
      name: 'parts',
      text: `SELECT ${PART} FROM ${s}.parts WHERE entry = (${open}) ORDER BY number`,
    },
    commit: {
      name: 'commit',
      text: `SELECT * FROM ${s}.commit_entry($1, $2, $3, $4, $5, $6, $7, $8)`,
    },
    // Parts that another request adds in this moment are orphans, which are swept.
    release: {
      text: `WITH gone AS (
          DELETE FROM ${s}.entries USING ${s}.spaces
          WHERE spaces.id = entries.space AND tenant = $1 AND upload = $2 AND sequence IS NULL RETURNING entries.id
        ) SELECT ARRAY(SELECT blob::text FROM ${s}.parts WHERE entry = gone.id ORDER BY number) AS blobs FROM gone`,
    },
    releaseAbandoned: {
      text: `WITH gone AS (DELETE FROM ${s}.entries WHERE sequence IS NULL AND active_at < $1 RETURNING id)
        SELECT blob FROM gone JOIN ${s}.parts ON entry = gone.id ORDER BY entry, number`,
    },
    forgetCreations: { text: `DELETE FROM ${s}.creations WHERE at < $1` },
  };

  return {
    async reserve(tenant: string, asked: Reservation): Promise<Reserved> {
      const { uploadId, scope, key, version, pool, creationsPerMinute, now } = asked;
      const { rows } = await db.write<{ outcome: number }>(
        sql.reserve,
        ...[tenant, pool, scope, version, key, uploadId, now, creationsPerMinute ?? null, CREATION_WINDOW],
      );
      const outcome = rows[0]?.outcome ?? -1;
      if (outcome === -2) return { outcome: 'reserved' };
      return outcome === -1 ? { outcome: 'taken' } : { outcome: 'too-many', retryAfterMs: outcome };
    },

    async addParts(tenant: string, uploadId: string, given: readonly Part[], now: number): Promise<boolean> {
      // A statement may not write one row twice; of a number given twice the later part counts.
      const parts = [...new Map(given.map((part) => [part.number, part])).values()];
      const { count } = await db.write(
        sql.addParts,
        ...[tenant, uploadId, now, parts.map(({ number }) => number), parts.map(({ blob }) => blob)],
        ...[parts.map(({ sizeBytes }) => sizeBytes), parts.map(crcOf), parts.map(markOf)],
      );
      return count === 1;
    },

    async parts(tenant: string, uploadId: string): Promise<Part[]> {
      return (await db.read<PartRow>(sql.parts, tenant, uploadId)).map(partOf);
    },

    async commit(
      tenant: string,
      uploadId: string,
      parts: readonly Part[],
      now: number,
    ): Promise<Committed | undefined> {
      const size = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
      const { rows } = await db.write<Pick<EntryRow, 'id' | 'key'> & CommitRow>(
        sql.commit,
        ...[tenant, uploadId, parts.map(({ number }) => number), parts.map(({ blob }) => blob)],
        ...[parts.map(crcOf), parts.map(markOf), size, now],
      );
      const [done] = rows;
      if (done === undefined) return undefined;
      const entry = { id: done.id, key: done.key, size, created_at: now, used_at: now };
      return { entry: entryOf(entry, done.scope, done.version), dropped: done.dropped };
    },

    async release(tenant: string, uploadId: string): Promise<string[] | undefined> {
      return (await db.write<{ blobs: string[] }>(sql.release, tenant, uploadId)).rows[0]?.blobs;
    },

    async releaseAbandoned(before: number): Promise<string[]> {
      await db.write(sql.forgetCreations, before - CREATION_WINDOW);
      const { rows } = await db.write<{ blob: string }>(sql.releaseAbandoned, before);
      return rows.map(({ blob }) => blob);
    },
  };
}

type CommitRow = { scope: string; version: string; dropped: string[] };

const crcOf = ({ crc32 }: Part) => crc32 ?? null;
const markOf = ({ mark }: Part) => mark ?? null;
