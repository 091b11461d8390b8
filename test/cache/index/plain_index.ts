import type {
  CacheIndex,
  Content,
  Entry,
  Owned,
  Owner,
  PageFilter,
  PageOrder,
  Part,
  Probe,
  Quarantined,
  Reservation,
  Reserved,
  StoredBlob,
  Use,
} from '../../../src/cache/index/index.ts';

interface Row extends Omit<Owned, 'id' | 'lastUsedAt'> {
  id: number;
  lastUsedAt: number;
  uploadId: string;
  activeAt: number;
  /** Order of the commits; absent while the upload is open. */
  sequence?: number;
  durable: boolean;
  parts: Map<number, Part>;
  content: Part[];
}

/** The rules of a cache index, as loops over arrays: what the conformance suite compares the real ones with. */
export class PlainIndex implements CacheIndex {
  #rows: Row[] = [];
  #creations: { tenant: string; at: number }[] = [];
  #quarantine: (Quarantined & { blobs: string[] })[] = [];
  #ids = 0;
  #commits = 0;

  async find(tenant: string, version: string, probes: readonly Probe[]) {
    for (const { scope, key } of probes) {
      const seen = this.#committed({ tenant }).filter(
        (row) => row.scope === scope && row.version === version && row.key.startsWith(key),
      );
      const found = seen.find((row) => row.key === key) ?? seen.toSorted(newestFirst)[0];
      if (found !== undefined) return entryOf(found);
    }
    return undefined;
  }

  async list(tenant: string, scopes: readonly string[], prefix: string, limit: number) {
    const found = this.#committed({ tenant })
      .filter((row) => scopes.includes(row.scope) && row.key.startsWith(prefix))
      .toSorted(newestFirst);
    return { total: found.length, entries: found.slice(0, limit).map(entryOf) };
  }

  async openUploads() {
    return this.#rows.filter((row) => row.sequence === undefined).length;
  }

  async reserve(tenant: string, asked: Reservation): Promise<Reserved> {
    const { uploadId, scope, key, version, pool, creationsPerMinute = Number.POSITIVE_INFINITY, now } = asked;
    if (
      this.#rows.some(
        (row) => row.tenant === tenant && row.scope === scope && row.version === version && row.key === key,
      )
    ) {
      return { outcome: 'taken' };
    }
    this.#creations = this.#creations.filter((one) => one.tenant !== tenant || one.at > now - 60_000);
    const recent = this.#creations.filter((one) => one.tenant === tenant);
    if (recent.length >= creationsPerMinute) {
      const inTheWay = recent.toSorted((a, b) => b.at - a.at)[creationsPerMinute - 1];
      return { outcome: 'too-many', retryAfterMs: Math.min((inTheWay?.at ?? now) - now, 0) + 60_000 };
    }
    this.#creations.push({ tenant, at: now });
    this.#rows.push({
      id: ++this.#ids,
      ...{ tenant, pool, scope, key, version, uploadId, activeAt: now },
      ...{ sizeBytes: 0, createdAt: 0, lastUsedAt: 0, durable: false, parts: new Map(), content: [] },
    });
    return { outcome: 'reserved' };
  }

  async upload(tenant: string, uploadId: string) {
    const row = this.#rows.find((one) => one.tenant === tenant && one.uploadId === uploadId);
    if (row === undefined) return undefined;
    if (row.sequence === undefined) return { scope: row.scope };
    const numbers = row.content.map((part) => part.number);
    return { scope: row.scope, committed: { entryId: String(row.id), sizeBytes: row.sizeBytes, numbers } };
  }

  async addParts(tenant: string, uploadId: string, parts: readonly Part[], now: number) {
    const row = this.#open(tenant, uploadId);
    if (row === undefined) return false;
    row.activeAt = now;
    for (const part of parts) row.parts.set(part.number, part);
    return true;
  }

  async parts(tenant: string, uploadId: string) {
    return [...(this.#open(tenant, uploadId)?.parts.values() ?? [])].sort((a, b) => a.number - b.number);
  }

  async commit(tenant: string, uploadId: string, parts: readonly Part[], now: number) {
    const row = this.#open(tenant, uploadId);
    if (row === undefined) return undefined;
    if (parts.some((part) => row.parts.get(part.number)?.blob !== part.blob)) return undefined;
    const listed = new Set(parts.map((part) => part.blob));
    const dropped = blobsOf([...row.parts.values()]).filter((blob) => !listed.has(blob));
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    Object.assign(row, { sizeBytes, createdAt: now, lastUsedAt: now, content: [...parts], parts: new Map() });
    row.sequence = ++this.#commits;
    return { entry: entryOf(row), dropped };
  }

  async release(tenant: string, uploadId: string) {
    const row = this.#open(tenant, uploadId);
    if (row === undefined) return undefined;
    this.#drop([row]);
    return blobsOf([...row.parts.values()]);
  }

  async content(tenant: string, entryId: string): Promise<Content | undefined> {
    const row = this.#entry(tenant, entryId);
    if (row === undefined) return undefined;
    const blobs = row.content.map(({ number: _number, ...stored }) => stored);
    return { sizeBytes: row.sizeBytes, etag: row.uploadId, blobs };
  }

  async touch(uses: readonly Use[]) {
    for (const { tenant, entryId, at } of uses) {
      const row = this.#entry(tenant, entryId);
      if (row !== undefined) row.lastUsedAt = Math.max(row.lastUsedAt, at);
    }
  }

  async remove(tenant: string, entryIds: readonly string[]) {
    const found = this.#committed({ tenant }).filter((row) => entryIds.includes(String(row.id)));
    this.#drop(found);
    return { entries: found.map(ownedOf), blobs: found.flatMap((row) => blobsOf(row.content)) };
  }

  async quarantine(tenant: string, entryId: string, reason: string, now: number) {
    const row = this.#entry(tenant, entryId);
    if (row === undefined) return undefined;
    this.#drop([row]);
    this.#quarantine.push({ ...ownedOf(row), reason, at: now, blobs: blobsOf(row.content) });
    return ownedOf(row);
  }

  async usage(of: Owner) {
    const found = this.#committed(of);
    return { entries: found.length, sizeBytes: found.reduce((sum, row) => sum + row.sizeBytes, 0) };
  }

  async usages() {
    const owners = new Map(
      this.#committed({}).map(({ tenant, pool }) => [`${tenant} ${pool}`, { tenant, pool }]),
    );
    return Promise.all(
      [...owners].sort().map(async ([, owner]) => ({ ...owner, ...(await this.usage(owner)) })),
    );
  }

  async page(
    of: Owner,
    { key = '', scope, version }: PageFilter,
    order: PageOrder,
    from: number,
    limit: number,
  ) {
    const sign = order.descending ? -1 : 1;
    const found = this.#committed(of)
      .filter((row) => row.key.startsWith(key))
      .filter((row) => (scope ?? row.scope) === row.scope && (version ?? row.version) === row.version)
      .sort((a, b) => sign * (a[order.by] - b[order.by] || a.id - b.id));
    return { total: found.length, entries: found.slice(from, from + limit).map(ownedOf) };
  }

  leastRecentlyUsed(of: Owner, limit: number) {
    return this.unusedSince(of, Number.POSITIVE_INFINITY, limit);
  }

  async unusedSince(of: Owner, before: number, limit: number) {
    return this.#committed(of)
      .filter((row) => row.lastUsedAt < before)
      .sort((a, b) => a.lastUsedAt - b.lastUsedAt || a.id - b.id)
      .slice(0, limit)
      .map(ownedOf);
  }

  async after(entryId: string, limit: number) {
    const found = this.#committed({}).filter((row) => row.id > Number(entryId));
    return found.slice(0, limit).map(ownedOf);
  }

  async remark(entryId: string, blobs: readonly StoredBlob[]) {
    for (const row of this.#committed({}).filter((one) => String(one.id) === entryId)) {
      row.content = row.content.map((part) => {
        const told = blobs.find(({ blob }) => blob === part.blob);
        return told === undefined ? part : { number: part.number, ...told, sizeBytes: part.sizeBytes };
      });
    }
  }

  async releaseAbandoned(before: number) {
    const found = this.#rows.filter((row) => row.sequence === undefined && row.activeAt < before);
    this.#drop(found);
    return found.flatMap((row) => blobsOf([...row.parts.values()]));
  }

  async namedBlobs(blobs: readonly string[]) {
    const named = [
      ...this.#rows.flatMap((row) => blobsOf([...row.parts.values(), ...row.content])),
      ...this.#quarantine.flatMap((one) => one.blobs),
    ];
    return new Set(blobs.filter((blob) => named.includes(blob)));
  }

  async undurable() {
    return this.#committed({})
      .filter((row) => !row.durable)
      .map((row) => ({ entryId: String(row.id), blobs: row.content.map((part) => part.blob) }));
  }

  async markDurable(entryIds: readonly string[]) {
    for (const row of this.#rows) if (entryIds.includes(String(row.id))) row.durable = true;
  }

  async dropUndurable() {
    const found = this.#committed({}).filter((row) => !row.durable);
    this.#drop(found);
    return found.length;
  }

  async quarantined(limit: number) {
    return this.#quarantine
      .toSorted((a, b) => a.at - b.at || Number(a.id) - Number(b.id))
      .slice(0, limit)
      .map(({ blobs: _blobs, ...shown }) => shown);
  }

  async dropQuarantined(before: number) {
    const found = this.#quarantine.filter((one) => one.at < before);
    this.#quarantine = this.#quarantine.filter((one) => !found.includes(one));
    return found.flatMap((one) => one.blobs);
  }

  async ready() {}
  async close() {}

  #committed({ tenant, pool }: Owner): Row[] {
    return this.#rows.filter(
      (row) =>
        row.sequence !== undefined &&
        (tenant ?? row.tenant) === row.tenant &&
        (pool ?? row.pool) === row.pool,
    );
  }

  #entry(tenant: string, entryId: string): Row | undefined {
    return this.#committed({ tenant }).find((row) => String(row.id) === entryId);
  }

  #open(tenant: string, uploadId: string): Row | undefined {
    return this.#rows.find(
      (row) => row.tenant === tenant && row.uploadId === uploadId && row.sequence === undefined,
    );
  }

  #drop(gone: readonly Row[]): void {
    this.#rows = this.#rows.filter((row) => !gone.includes(row));
  }
}

const newestFirst = (a: Row, b: Row) => (b.sequence ?? 0) - (a.sequence ?? 0);
const blobsOf = (parts: readonly Part[]) => [...new Set(parts.map((part) => part.blob))];

function entryOf({ id, scope, key, version, sizeBytes, createdAt, lastUsedAt }: Row): Entry {
  return { id: String(id), scope, key, version, sizeBytes, createdAt, lastUsedAt };
}

function ownedOf(row: Row): Owned {
  return { ...entryOf(row), tenant: row.tenant, pool: row.pool };
}
