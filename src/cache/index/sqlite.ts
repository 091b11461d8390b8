import type {
  CacheIndex,
  Owner,
  PageFilter,
  PageOrder,
  Part,
  Probe,
  Reservation,
  StoredBlob,
  Use,
} from './index.ts';
import { SqliteFile } from './sqlite/file.ts';
import { finding } from './sqlite/find.ts';
import { keeping } from './sqlite/keep.ts';
import { managing } from './sqlite/manage.ts';
import { reading } from './sqlite/read.ts';
import { removing } from './sqlite/remove.ts';
import { saving } from './sqlite/save.ts';

/**
 * The embedded index: one file, one process. Its calls are synchronous underneath and last microseconds; what they
 * throw comes as a rejection all the same.
 */
export class SqliteIndex implements CacheIndex {
  readonly #file: SqliteFile;
  readonly #found: ReturnType<typeof finding>;
  readonly #read: ReturnType<typeof reading>;
  readonly #save: ReturnType<typeof saving>;
  readonly #keep: ReturnType<typeof keeping>;
  readonly #manage: ReturnType<typeof managing>;
  readonly #remove: ReturnType<typeof removing>;

  /** @param path File, created when absent; `:memory:` for none. */
  constructor(path: string) {
    this.#file = new SqliteFile(path);
    this.#found = finding(this.#file);
    this.#read = reading(this.#file);
    this.#save = saving(this.#file);
    this.#keep = keeping(this.#file);
    this.#manage = managing(this.#file);
    this.#remove = removing(this.#file);
  }

  async find(tenant: string, version: string, probes: readonly Probe[]) {
    return this.#found.find(tenant, version, probes);
  }

  async list(tenant: string, scopes: readonly string[], prefix: string, limit: number) {
    return this.#read.list(tenant, scopes, prefix, limit);
  }
  async upload(tenant: string, uploadId: string) {
    return this.#read.upload(tenant, uploadId);
  }
  async content(tenant: string, entryId: string) {
    return this.#read.content(tenant, entryId);
  }

  async reserve(tenant: string, reservation: Reservation) {
    return this.#save.reserve(tenant, reservation);
  }
  async addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number) {
    return this.#save.addParts(tenant, uploadId, parts, now);
  }
  async parts(tenant: string, uploadId: string) {
    return this.#save.parts(tenant, uploadId);
  }
  async commit(tenant: string, uploadId: string, parts: readonly Part[], now: number) {
    return this.#save.commit(tenant, uploadId, parts, now);
  }
  async release(tenant: string, uploadId: string) {
    return this.#save.release(tenant, uploadId);
  }
  async releaseAbandoned(before: number) {
    return this.#save.releaseAbandoned(before);
  }

  async touch(uses: readonly Use[]) {
    this.#keep.touch(uses);
  }
  async remark(entryId: string, blobs: readonly StoredBlob[]) {
    this.#keep.remark(entryId, blobs);
  }
  async openUploads() {
    return this.#keep.openUploads();
  }
  async namedBlobs(blobs: readonly string[]) {
    return this.#keep.namedBlobs(blobs);
  }
  async undurable() {
    return this.#keep.undurable();
  }
  async markDurable(entryIds: readonly string[]) {
    this.#keep.markDurable(entryIds);
  }
  async dropUndurable() {
    return this.#keep.dropUndurable();
  }
  async ready() {
    this.#keep.ready();
  }

  async usage(of: Owner) {
    return this.#manage.usage(of);
  }
  async usages() {
    return this.#manage.usages();
  }
  async page(of: Owner, filter: PageFilter, order: PageOrder, offset: number, limit: number) {
    return this.#manage.page(of, filter, order, offset, limit);
  }
  async after(entryId: string, limit: number) {
    return this.#manage.after(entryId, limit);
  }
  async leastRecentlyUsed(of: Owner, limit: number) {
    return this.#manage.leastRecentlyUsed(of, limit);
  }
  async unusedSince(of: Owner, before: number, limit: number) {
    return this.#manage.unusedSince(of, before, limit);
  }

  async remove(tenant: string, entryIds: readonly string[]) {
    return this.#remove.remove(tenant, entryIds);
  }
  async quarantine(tenant: string, entryId: string, reason: string, now: number) {
    return this.#remove.quarantine(tenant, entryId, reason, now);
  }
  async quarantined(limit: number) {
    return this.#remove.quarantined(limit);
  }
  async dropQuarantined(before: number) {
    return this.#remove.dropQuarantined(before);
  }

  async close() {
    this.#file.close();
  }
}
