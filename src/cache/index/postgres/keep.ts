import type { StoredBlob, Use } from '../model.ts';
import type { PostgresDatabase } from './database.ts';
import { isId } from './rows.ts';

/** What the index notes of entries and blobs between their saving and their end. */
export function keeping(db: PostgresDatabase) {
  const s = db.schema;
  const sql = {
    touch: {
      text: `UPDATE ${s}.entries SET used_at = use.at
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS use (id, tenant, at), ${s}.spaces
        WHERE entries.id = use.id AND spaces.id = entries.space AND spaces.tenant = use.tenant
          AND sequence IS NOT NULL AND used_at < use.at`,
    },
    named: {
      text: `SELECT asked.blob FROM unnest($1::text[]) AS asked (blob)
        WHERE EXISTS (SELECT FROM ${s}.parts WHERE parts.blob = asked.blob)
          OR EXISTS (SELECT FROM ${s}.contents WHERE contents.blob = asked.blob)
          OR EXISTS (SELECT FROM ${s}.quarantined_blobs kept WHERE kept.blob = asked.blob)`,
    },
    remark: {
      text: `UPDATE ${s}.contents SET crc32 = told.crc32, mark = told.mark
        FROM unnest($2::text[], $3::bigint[], $4::text[]) AS told (blob, crc32, mark)
        WHERE entry = $1 AND contents.blob = told.blob`,
    },
    open: { text: `SELECT count(*) AS uploads FROM ${s}.entries WHERE sequence IS NULL` },
    undurable: {
      text: `SELECT id, ARRAY(SELECT blob::text FROM ${s}.contents WHERE entry = id ORDER BY position) AS blobs
        FROM ${s}.entries WHERE NOT durable AND sequence IS NOT NULL ORDER BY id`,
    },
    markDurable: { text: `UPDATE ${s}.entries SET durable = true WHERE id = ANY ($1::bigint[])` },
    dropUndurable: { text: `DELETE FROM ${s}.entries WHERE NOT durable AND sequence IS NOT NULL` },
    answers: { text: `SELECT FROM ${s}.entries LIMIT 1` },
  };

  return {
    async touch(uses: readonly Use[]): Promise<void> {
      // Of several uses of one entry the last counts; a statement takes any one of them.
      const latest = new Map<string, Use>();
      for (const use of uses) {
        const name = `${use.entryId} ${use.tenant}`;
        if (isId(use.entryId) && use.at > (latest.get(name)?.at ?? 0)) latest.set(name, use);
      }
      const noted = [...latest.values()];
      await db.write(
        sql.touch,
        noted.map(({ entryId }) => entryId),
        noted.map(({ tenant }) => tenant),
        noted.map(({ at }) => at),
      );
    },

    async namedBlobs(blobs: readonly string[]): Promise<Set<string>> {
      return new Set((await db.read<{ blob: string }>(sql.named, blobs)).map(({ blob }) => blob));
    },

    async remark(entryId: string, blobs: readonly StoredBlob[]): Promise<void> {
      if (!isId(entryId)) return;
      await db.write(
        sql.remark,
        entryId,
        blobs.map(({ blob }) => blob),
        blobs.map(({ crc32 }) => crc32 ?? null),
        blobs.map(({ mark }) => mark ?? null),
      );
    },

    async openUploads(): Promise<number> {
      return (await db.read<{ uploads: number }>(sql.open))[0]?.uploads ?? 0;
    },

    async undurable(): Promise<{ entryId: string; blobs: string[] }[]> {
      const found = await db.read<{ id: number; blobs: string[] }>(sql.undurable);
      return found.map(({ id, blobs }) => ({ entryId: String(id), blobs }));
    },

    async markDurable(entryIds: readonly string[]): Promise<void> {
      await db.write(sql.markDurable, entryIds.filter(isId));
    },

    async dropUndurable(): Promise<number> {
      return (await db.write(sql.dropUndurable)).count;
    },

    async ready(): Promise<void> {
      await db.read(sql.answers);
    },
  };
}
