import type { Content, Entry, Upload } from '../model.ts';
import { prefixEnd } from '../prefix.ts';
import type { SqliteFile } from './file.ts';
import { blobOf, ENTRY, type EntryRow, entryOf, NO_END, PART, type PartRow, row, rows } from './rows.ts';

/** What a tenant may read beside its look-ups. Every statement reaches entries by their tenant's spaces. */
export function reading(file: SqliteFile) {
  const sql = {
    spaces: file.prepare('SELECT id, version FROM spaces WHERE tenant = ? AND scope = ?'),
    listed: file.prepare(
      `SELECT ${ENTRY}, sequence FROM entries WHERE space = ? AND sequence IS NOT NULL AND key >= ? AND key < ?
       ORDER BY sequence DESC LIMIT ?`,
    ),
    counted: file.prepare(
      'SELECT count(*) AS total FROM entries WHERE space = ? AND sequence IS NOT NULL AND key >= ? AND key < ?',
    ),
    upload: file.prepare(
      `SELECT entries.id, entries.size, sequence, scope FROM entries
       JOIN spaces ON spaces.id = entries.space AND tenant = ? WHERE upload = ?`,
    ),
    content: file.prepare(
      `SELECT entries.id, entries.size, upload FROM entries
       JOIN spaces ON spaces.id = entries.space AND tenant = ? WHERE entries.id = ? AND sequence IS NOT NULL`,
    ),
    contents: file.prepare(`SELECT ${PART} FROM contents WHERE entry = ? ORDER BY position`),
  };

  return {
    list(
      tenant: string,
      scopes: readonly string[],
      prefix: string,
      limit: number,
    ): { total: number; entries: Entry[] } {
      const end = prefixEnd(prefix) ?? NO_END;
      const found: (EntryRow & { sequence: number; scope: string; version: string })[] = [];
      let total = 0;
      for (const scope of scopes) {
        for (const { id, version } of rows<{ id: number; version: string }>(sql.spaces, tenant, scope)) {
          total += row<{ total: number }>(sql.counted, id, prefix, end)?.total ?? 0;
          for (const one of rows<EntryRow & { sequence: number }>(sql.listed, id, prefix, end, limit)) {
            found.push({ ...one, scope, version });
          }
        }
      }
      found.sort((a, b) => b.sequence - a.sequence);
      return { total, entries: found.slice(0, limit).map((one) => entryOf(one, one.scope, one.version)) };
    },

    upload(tenant: string, uploadId: string): Upload | undefined {
      const found = row<{ id: number; size: number; sequence: number | null; scope: string }>(
        sql.upload,
        tenant,
        uploadId,
      );
      if (found === undefined) return undefined;
      const { id, size, sequence, scope } = found;
      if (sequence === null) return { scope };
      const numbers = rows<PartRow>(sql.contents, id).map((part) => part.number);
      return { scope, committed: { entryId: String(id), sizeBytes: size, numbers } };
    },

    content(tenant: string, entryId: string): Content | undefined {
      const found = row<{ id: number; size: number; upload: string }>(sql.content, tenant, entryId);
      if (found === undefined) return undefined;
      const blobs = rows<PartRow>(sql.contents, found.id).map(blobOf);
      return { sizeBytes: found.size, etag: found.upload, blobs };
    },
  };
}
