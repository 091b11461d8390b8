import { DatabaseSync } from 'node:sqlite';
import type { CacheIndex, Content, Entry, Part, Probe, Reservation, Upload, Use } from './index.ts';
import { prefixEnd } from './index.ts';
import { migrate } from './migrations.ts';
import { type EntryRow, entryOf, NO_END, row, rows } from './rows.ts';
import { SqliteFind } from './sqlite_find.ts';
import { prepareStatements, type Statements } from './statements.ts';

type PartRow = { number: number; blob: string; size: number };
type UploadRow = {
  id: number;
  key: string;
  size: number;
  sequence: number | null;
  scope: string;
  version: string;
};

/**
 * The embedded index: one file, one process. Its calls are synchronous underneath and last microseconds.
 * WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may lose the last commits, never
 * consistency (sqlite.org/pragma.html#pragma_synchronous).
 */
export class SqliteIndex implements CacheIndex {
  readonly #db: DatabaseSync;
  readonly #sql: Statements;
  readonly #lookUps: SqliteFind;

  /** @param path File, created when absent; `:memory:` for none. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768;');
    migrate(this.#db);
    this.#sql = prepareStatements(this.#db);
    this.#lookUps = new SqliteFind(this.#sql);
  }

  async find(tenant: string, version: string, probes: readonly Probe[]): Promise<Entry | undefined> {
    return this.#lookUps.find(tenant, version, probes);
  }

  async list(tenant: string, scopes: readonly string[], prefix: string, limit: number) {
    const end = prefixEnd(prefix) ?? NO_END;
    const found: (EntryRow & { sequence: number; scope: string; version: string })[] = [];
    let total = 0;
    for (const scope of scopes) {
      for (const { id, version } of rows<{ id: number; version: string }>(
        this.#sql.scopeSpaces,
        tenant,
        scope,
      )) {
        total += row<{ total: number }>(this.#sql.counted, id, prefix, end)?.total ?? 0;
        for (const one of rows<EntryRow & { sequence: number }>(this.#sql.listed, id, prefix, end, limit)) {
          found.push({ ...one, scope, version });
        }
      }
    }
    found.sort((a, b) => b.sequence - a.sequence);
    return { total, entries: found.slice(0, limit).map((one) => entryOf(one, one.scope, one.version)) };
  }

  async reserve(tenant: string, { uploadId, scope, key, version, now }: Reservation): Promise<boolean> {
    return this.#transaction(() => {
      this.#sql.addSpace.run(tenant, scope, version);
      const space = row<{ id: number }>(this.#sql.space, tenant, scope, version);
      return this.#sql.reserve.run(space?.id ?? null, key, uploadId, now).changes === 1;
    });
  }

  async upload(tenant: string, uploadId: string): Promise<Upload | undefined> {
    const found = row<UploadRow>(this.#sql.upload, tenant, uploadId);
    if (found === undefined) return undefined;
    if (found.sequence === null) return { scope: found.scope };
    const numbers = rows<PartRow>(this.#sql.contents, found.id).map((part) => part.number);
    return { scope: found.scope, committed: { entryId: String(found.id), sizeBytes: found.size, numbers } };
  }

  async addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number): Promise<boolean> {
    return this.#transaction(() => {
      const open = this.#open(tenant, uploadId);
      if (open === undefined) return false;
      for (const part of parts) this.#sql.addPart.run(open.id, part.number, part.blob, part.sizeBytes);
      this.#sql.active.run(now, open.id);
      return true;
    });
  }

  async parts(tenant: string, uploadId: string): Promise<Part[]> {
    const open = this.#open(tenant, uploadId);
    if (open === undefined) return [];
    return rows<PartRow>(this.#sql.parts, open.id).map(({ number, blob, size }) => ({
      number,
      blob,
      sizeBytes: size,
    }));
  }

  async commit(tenant: string, uploadId: string, parts: readonly Part[], now: number) {
    return this.#transaction(() => {
      const open = this.#open(tenant, uploadId);
      if (open === undefined) return undefined;
      for (const [position, part] of parts.entries()) {
        const { changes } = this.#sql.include.run(position, open.id, part.number, part.blob);
        if (changes !== 1) return undefined;
      }
      const size = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
      const dropped = rows<{ blob: string }>(this.#sql.leftOut, open.id).map((part) => part.blob);
      this.#sql.dropParts.run(open.id);
      this.#sql.complete.run(size, now, now, open.id);
      const entry = { id: open.id, key: open.key, size, created_at: now, used_at: now };
      return { entry: entryOf(entry, open.scope, open.version), dropped };
    });
  }

  async release(tenant: string, uploadId: string): Promise<string[] | undefined> {
    return this.#transaction(() => {
      const open = this.#open(tenant, uploadId);
      return open && this.#forgetUpload(open.id);
    });
  }

  async content(tenant: string, entryId: string): Promise<Content | undefined> {
    const found = row<{ id: number; size: number; upload: string }>(this.#sql.content, tenant, entryId);
    if (found === undefined) return undefined;
    const blobs = rows<PartRow>(this.#sql.contents, found.id).map(({ blob, size }) => ({
      blob,
      sizeBytes: size,
    }));
    return { sizeBytes: found.size, etag: found.upload, blobs };
  }

  async touch(uses: readonly Use[]): Promise<void> {
    this.#transaction(() => {
      for (const use of uses) this.#sql.touch.run(use.at, use.entryId, use.tenant);
      return true;
    });
  }

  async releaseAbandoned(before: number): Promise<string[]> {
    return this.#transaction(() =>
      rows<{ id: number }>(this.#sql.abandoned, before).flatMap(({ id }) => this.#forgetUpload(id)),
    );
  }

  async namedBlobs(blobs: readonly string[]): Promise<Set<string>> {
    return new Set(blobs.filter((blob) => this.#sql.named.get(blob) !== undefined));
  }

  async undurable() {
    return rows<{ id: number }>(this.#sql.undurable).map(({ id }) => ({
      entryId: String(id),
      blobs: rows<PartRow>(this.#sql.contents, id).map((part) => part.blob),
    }));
  }

  async markDurable(entryIds: readonly string[]): Promise<void> {
    this.#transaction(() => {
      for (const id of entryIds) this.#sql.markDurable.run(id);
      return true;
    });
  }

  async dropUndurable(): Promise<number> {
    this.#lookUps.forget();
    return Number(this.#sql.dropUndurable.run().changes);
  }

  async ready(): Promise<void> {
    this.#sql.answers.get();
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #open(tenant: string, uploadId: string): UploadRow | undefined {
    const found = row<UploadRow>(this.#sql.upload, tenant, uploadId);
    return found?.sequence === null ? found : undefined;
  }

  #forgetUpload(id: number): string[] {
    const blobs = rows<PartRow>(this.#sql.parts, id).map((part) => part.blob);
    this.#sql.forget.run(id);
    return blobs;
  }

  /** Undoes everything when `work` throws or answers nothing. */
  #transaction<T>(work: () => T): T {
    this.#lookUps.forget();
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec(result === undefined ? 'ROLLBACK' : 'COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}
