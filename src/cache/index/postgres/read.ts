import { blobOf, type EntryRow, entryOf, PART, type PartRow } from '../entry_rows.ts';
import type { Content, Entry, Probe, Upload } from '../model.ts';
import type { PostgresDatabase } from './database.ts';
import { isId, rangeEnd, storable } from './rows.ts';

/** What a tenant may read. Every statement reaches entries by their tenant's spaces. */
export function reading(db: PostgresDatabase) {
  const s = db.schema;
  const sql = {
    find: { name: 'find', text: `SELECT * FROM ${s}.find_entry($1, $2, $3, $4, $5)` },
    list: {
      text: `SELECT entries.id, key, size, created_at, used_at, scope, version, count(*) OVER () AS total
        FROM ${s}.entries JOIN ${s}.spaces ON spaces.id = entries.space
        WHERE tenant = $1 AND scope = ANY ($2) AND sequence IS NOT NULL AND key >= $3 AND key < $4
        ORDER BY sequence DESC LIMIT $5`,
    },
    upload: {
      text: `SELECT entries.id, size, sequence IS NULL AS open, scope, ARRAY(
          SELECT number FROM ${s}.contents WHERE entry = entries.id ORDER BY position
        ) AS numbers
        FROM ${s}.entries JOIN ${s}.spaces ON spaces.id = entries.space WHERE tenant = $1 AND upload = $2`,
    },
    content: {
      name: 'content',
      text: `SELECT entries.size AS total, upload, ${PART.replace('size', 'contents.size')} FROM ${s}.entries
        JOIN ${s}.spaces ON spaces.id = entries.space LEFT JOIN ${s}.contents ON entry = entries.id
        WHERE tenant = $1 AND entries.id = $2 AND sequence IS NOT NULL ORDER BY position`,
    },
  };

  return {
    /** One round trip, however many probes. */
    async find(tenant: string, version: string, probes: readonly Probe[]): Promise<Entry | undefined> {
      const asked = probes.filter(({ key, scope }) => storable(key) && storable(scope));
      const [found] = await db.read<EntryRow & { scope: string }>(
        sql.find,
        tenant,
        version,
        asked.map(({ scope }) => scope),
        asked.map(({ key }) => key),
        asked.map(({ key }) => rangeEnd(key)),
      );
      return found && entryOf(found, found.scope, version);
    },

    async list(
      tenant: string,
      scopes: readonly string[],
      prefix: string,
      limit: number,
    ): Promise<{ total: number; entries: Entry[] }> {
      if (!storable(prefix)) return { total: 0, entries: [] };
      const found = await db.read<EntryRow & { scope: string; version: string; total: number }>(
        sql.list,
        tenant,
        scopes,
        prefix,
        rangeEnd(prefix),
        limit,
      );
      return {
        total: found[0]?.total ?? 0,
        entries: found.map((one) => entryOf(one, one.scope, one.version)),
      };
    },

    async upload(tenant: string, uploadId: string): Promise<Upload | undefined> {
      const [found] = await db.read<{
        id: number;
        size: number;
        open: boolean;
        scope: string;
        numbers: number[];
      }>(sql.upload, tenant, uploadId);
      if (found === undefined) return undefined;
      const { id, size, open, scope, numbers } = found;
      return open ? { scope } : { scope, committed: { entryId: String(id), sizeBytes: size, numbers } };
    },

    async content(tenant: string, entryId: string): Promise<Content | undefined> {
      if (!isId(entryId)) return undefined;
      type Row = PartRow & { total: number; upload: string; blob: string | null };
      const found = await db.read<Row>(sql.content, tenant, entryId);
      if (found[0] === undefined) return undefined;
      const { total, upload } = found[0];
      return {
        sizeBytes: total,
        etag: upload,
        blobs: found.filter(({ blob }) => blob !== null).map(blobOf),
      };
    },
  };
}
