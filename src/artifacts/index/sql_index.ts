import type { Part } from '../../cache/index/index.ts';
import type { Database, Sql } from './database.ts';
import type {
  ArtifactCommit,
  ArtifactContent,
  ArtifactFilter,
  ArtifactIndex,
  ArtifactReservation,
  ArtifactUpload,
  ArtifactUsage,
  CommittedArtifact,
  Removed,
  Reserved,
} from './index.ts';
import { artifactOf, idOf, partOf, type Row } from './rows.ts';

const COLUMNS = 'id, run, job, name, size, mime_type, digest, created_at, expires_at';
/** Blobs asked for by one statement. */
const AT_ONCE = 500;

/** The index of artifacts in tables of its own, in either database. */
export class SqlArtifactIndex implements ArtifactIndex {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async reserve(tenant: string, wanted: ArtifactReservation): Promise<Reserved> {
    const { uploadId, run, job, name, mimeType, expiresAt, now } = wanted;
    return this.#db.transaction(async (sql): Promise<Reserved> => {
      const yielding = await sql.all(
        `SELECT id FROM artifacts WHERE tenant = ? AND run = ? AND name = ?
         AND ((created_at IS NULL AND job = ?) OR (created_at IS NOT NULL AND expires_at <= ?))${this.#db.forUpdate}`,
        tenant,
        run,
        name,
        job,
        now,
      );
      const dropped = await forget(sql, yielding);
      const made = await sql.run(
        `INSERT INTO artifacts (tenant, run, job, name, upload, mime_type, active_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, run, name) DO NOTHING`,
        ...[tenant, run, job, name, uploadId, mimeType, now, expiresAt],
      );
      return made === 1 ? { outcome: 'reserved', dropped } : { outcome: 'taken' };
    });
  }

  async upload(tenant: string, uploadId: string): Promise<ArtifactUpload | undefined> {
    const [found] = await this.#db.all(
      'SELECT id, run, size, created_at FROM artifacts WHERE tenant = ? AND upload = ?',
      tenant,
      uploadId,
    );
    if (found === undefined) return undefined;
    const run = String(found.run);
    if (found.created_at === null) return { run };
    const contents = await this.#contents(found);
    const numbers = contents.map((part) => part.number);
    return { run, committed: { artifactId: String(found.id), sizeBytes: Number(found.size), numbers } };
  }

  async addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number): Promise<boolean> {
    return this.#db.transaction(async (sql) => {
      const open = await this.#open(sql, tenant, uploadId);
      if (open === undefined) return false;
      for (const { number, blob, sizeBytes } of parts)
        await sql.run(
          `INSERT INTO artifact_parts (artifact, number, blob, size) VALUES (?, ?, ?, ?)
           ON CONFLICT (artifact, number) DO UPDATE SET blob = excluded.blob, size = excluded.size`,
          ...[idOf(open), number, blob, sizeBytes],
        );
      await sql.run('UPDATE artifacts SET active_at = ? WHERE id = ?', now, idOf(open));
      return true;
    });
  }

  async parts(tenant: string, uploadId: string): Promise<Part[]> {
    const rows = await this.#db.all(
      `SELECT number, blob, artifact_parts.size FROM artifact_parts JOIN artifacts ON artifacts.id = artifact
       WHERE tenant = ? AND upload = ? AND created_at IS NULL ORDER BY number`,
      tenant,
      uploadId,
    );
    return rows.map(partOf);
  }

  async commit(
    tenant: string,
    uploadId: string,
    { parts, digest, now }: ArtifactCommit,
  ): Promise<CommittedArtifact | undefined> {
    return this.#db.transaction(async (sql) => {
      const open = await this.#open(sql, tenant, uploadId);
      if (open === undefined) return undefined;
      const id = idOf(open);
      const offered = (
        await sql.all('SELECT number, blob, size FROM artifact_parts WHERE artifact = ?', id)
      ).map(partOf);
      const blobs = new Map(offered.map((part) => [part.number, part.blob]));
      if (parts.some((part) => blobs.get(part.number) !== part.blob)) return undefined;
      for (const [position, part] of parts.entries())
        await sql.run(
          'INSERT INTO artifact_contents (artifact, position, number, blob, size, crc32, mark) VALUES (?, ?, ?, ?, ?, ?, ?)',
          ...[id, position, part.number, part.blob, part.sizeBytes, part.crc32 ?? null, part.mark ?? null],
        );
      const kept = new Set(parts.map((part) => part.blob));
      await sql.run('DELETE FROM artifact_parts WHERE artifact = ?', id);
      const size = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
      const [row] = await sql.all(
        `UPDATE artifacts SET created_at = ?, size = ?, digest = ? WHERE id = ? RETURNING ${COLUMNS}`,
        ...[now, size, digest ?? null, id],
      );
      if (row === undefined) throw new Error('the row of an artifact went under its lock');
      return {
        artifact: artifactOf(row),
        dropped: offered.map((part) => part.blob).filter((blob) => !kept.has(blob)),
      };
    });
  }

  async release(tenant: string, uploadId: string): Promise<string[] | undefined> {
    return this.#db.transaction(async (sql) => {
      const open = await this.#open(sql, tenant, uploadId);
      return open && (await forget(sql, [open]));
    });
  }

  async list(tenant: string, run: string, { name, id }: ArtifactFilter, now: number, limit: number) {
    const rows = await this.#db.all(
      `SELECT ${COLUMNS} FROM artifacts
       WHERE tenant = ? AND run = ? AND created_at IS NOT NULL AND expires_at > ?
       ${name === undefined ? '' : 'AND name = ?'} ${id === undefined ? '' : 'AND id = ?'} ORDER BY id LIMIT ?`,
      ...[tenant, run, now],
      ...[name, id].filter((one) => one !== undefined),
      limit,
    );
    return rows.map(artifactOf);
  }

  async content(tenant: string, artifactId: string, now: number): Promise<ArtifactContent | undefined> {
    const [found] = await this.#db.all(
      `SELECT id, size, upload FROM artifacts
       WHERE tenant = ? AND id = ? AND created_at IS NOT NULL AND expires_at > ?`,
      ...[tenant, artifactId, now],
    );
    if (found === undefined) return undefined;
    const blobs = (await this.#contents(found)).map(({ number: _, ...blob }) => blob);
    return { sizeBytes: Number(found.size), etag: String(found.upload), blobs };
  }

  async remove(tenant: string, run: string, name: string, now: number): Promise<Removed | undefined> {
    return this.#db.transaction(async (sql) => {
      const [row] = await sql.all(
        `SELECT ${COLUMNS} FROM artifacts
         WHERE tenant = ? AND run = ? AND name = ? AND created_at IS NOT NULL AND expires_at > ?${this.#db.forUpdate}`,
        ...[tenant, run, name, now],
      );
      return row && { artifact: artifactOf(row), blobs: await forget(sql, [row]) };
    });
  }

  async usage(tenant: string): Promise<ArtifactUsage> {
    return usageOf(
      await this.#db.all(
        'SELECT count(*) AS artifacts, sum(size) AS size FROM artifacts WHERE tenant = ? AND created_at IS NOT NULL',
        tenant,
      ),
    );
  }

  async total(): Promise<ArtifactUsage> {
    return usageOf(
      await this.#db.all(
        'SELECT count(*) AS artifacts, sum(size) AS size FROM artifacts WHERE created_at IS NOT NULL',
      ),
    );
  }

  async releaseAbandoned(before: number): Promise<string[]> {
    return this.#db.transaction(async (sql) =>
      forget(
        sql,
        await sql.all(
          `SELECT id FROM artifacts WHERE created_at IS NULL AND active_at < ?${this.#db.forUpdate}`,
          before,
        ),
      ),
    );
  }

  async removeExpired(now: number, limit: number): Promise<{ artifacts: number; blobs: string[] }> {
    return this.#db.transaction(async (sql) => {
      const expired = await sql.all(
        `SELECT id FROM artifacts WHERE created_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?${this.#db.forUpdate}`,
        now,
        limit,
      );
      return { artifacts: expired.length, blobs: await forget(sql, expired) };
    });
  }

  async namedBlobs(blobs: readonly string[]): Promise<Set<string>> {
    const named = new Set<string>();
    for (let at = 0; at < blobs.length; at += AT_ONCE) {
      const some = blobs.slice(at, at + AT_ONCE);
      const places = some.map(() => '?').join(', ');
      const rows = await this.#db.all(
        `SELECT blob FROM artifact_parts WHERE blob IN (${places})
         UNION SELECT blob FROM artifact_contents WHERE blob IN (${places})`,
        ...some,
        ...some,
      );
      for (const row of rows) named.add(String(row.blob));
    }
    return named;
  }

  async ready(): Promise<void> {
    await this.#db.all('SELECT 1 AS ready');
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  async #open(sql: Sql, tenant: string, uploadId: string): Promise<Row | undefined> {
    const [open] = await sql.all(
      `SELECT id FROM artifacts WHERE tenant = ? AND upload = ? AND created_at IS NULL${this.#db.forUpdate}`,
      tenant,
      uploadId,
    );
    return open;
  }

  async #contents(artifact: Row): Promise<Part[]> {
    const rows = await this.#db.all(
      'SELECT number, blob, size, crc32, mark FROM artifact_contents WHERE artifact = ? ORDER BY position',
      idOf(artifact),
    );
    return rows.map(partOf);
  }
}

/** Forgets the rows; answers the blobs that they named. */
async function forget(sql: Sql, rows: readonly Row[]): Promise<string[]> {
  const blobs = new Set<string>();
  for (const row of rows) {
    const id = idOf(row);
    const named = await sql.all(
      `SELECT blob FROM artifact_parts WHERE artifact = ?
       UNION SELECT blob FROM artifact_contents WHERE artifact = ?`,
      id,
      id,
    );
    for (const { blob } of named) blobs.add(String(blob));
    await sql.run('DELETE FROM artifacts WHERE id = ?', id);
  }
  return [...blobs];
}

function usageOf([row]: readonly Row[]): ArtifactUsage {
  return { artifacts: Number(row?.artifacts ?? 0), sizeBytes: Number(row?.size ?? 0) };
}
