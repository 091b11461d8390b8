import type { CacheIndex } from '../index/index.ts';
import type { Recency } from '../recency.ts';
import { CacheRefused } from '../refused.ts';
import type { CacheAccess } from '../scope.ts';
import { type Floor, holdFloor, missingBytes, type Space } from './disk_floor.ts';
import type { Evictor } from './evict.ts';
import { expire } from './expiry.ts';
import { OfferedBytes } from './offered_bytes.ts';
import { type PoolLimits, type PoolsLimits, repositoryQuota, USUAL_LIMITS } from './pool_limits.ts';
import { holdQuota } from './quotas.ts';

/** Bytes on a disk of ours; absent where the bytes are elsewhere. */
export interface Disk {
  readonly floor: Floor;
  /** `used` is what is known to be in it, in bytes. */
  readonly space: (used: number) => Promise<Space>;
}

export interface LimitsOptions extends Evictor {
  readonly index: Pick<CacheIndex, 'usage' | 'usages' | 'leastRecentlyUsed' | 'unusedSince' | 'remove'>;
  readonly recency: Pick<Recency, 'flush'>;
  /** Absent where nobody limits anything but the disk. */
  readonly pools?: PoolsLimits | undefined;
  readonly disk?: Disk | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Offers of a block that is sent again count again: an upload is refused at a tenth above what its entry may have. */
const SLACK = 1.1;

/**
 * How much the cache keeps. What asks for room is refused as early as it is known to be too much; what was saved
 * makes the least recently used give way. One eviction is at work at a time: two would both take for one want.
 */
export class Limits {
  readonly #options: LimitsOptions;
  readonly #offered = new OfferedBytes();
  /** The pools that have entries in a tenant, as last looked up. */
  #poolsOf = new Map<string, string[]>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LimitsOptions) {
    this.#options = options;
  }

  /** Reservations that the caller's repository may make in a minute; undefined for no limit. */
  creationsPerMinute({ pool }: CacheAccess): number | undefined {
    return this.#options.pools === undefined ? undefined : this.#ofPool(pool).creationsPerMinute;
  }

  /** Throws `cache-entry-too-large` or `cache-store-full`. `sizeBytes` where the client says it beforehand. */
  async admitUpload(access: CacheAccess, sizeBytes = 0): Promise<void> {
    this.admitEntry(access, sizeBytes);
    await this.#admitBytes(sizeBytes);
  }

  /** The same of bytes that are about to be sent for an open upload. */
  async admitParts(access: CacheAccess, uploadId: string, sizeBytes: number): Promise<void> {
    this.admitEntry(access, sizeBytes);
    const offered = this.#offered.of(uploadId) + sizeBytes;
    if (offered > this.#mostBytes(access) * SLACK) throw this.#tooLarge(access, offered);
    await this.#admitBytes(sizeBytes);
    this.#offered.add(uploadId, sizeBytes, this.#options.now());
  }

  /** Throws `cache-entry-too-large`. */
  admitEntry(access: CacheAccess, sizeBytes: number): void {
    if (sizeBytes > this.#mostBytes(access)) throw this.#tooLarge(access, sizeBytes);
  }

  /** The upload is no longer open. */
  closed(uploadId: string): void {
    this.#offered.forget(uploadId);
  }

  /** Makes room for what was just saved, which itself stays. Never rejects: the entry is there, whatever comes of it. */
  async saved({ tenant, pool }: CacheAccess, entryId: string): Promise<void> {
    const { index, log } = this.#options;
    const { repository, own } = this.#quotas(tenant, pool);
    try {
      const over = async () =>
        (await index.usage({ tenant })).sizeBytes > repository ||
        (await index.usage({ pool })).sizeBytes > own;
      if (!(await over())) return;
      await this.#inTurn(async () => {
        await holdQuota(this.#options, { tenant }, repository, 'repository-quota', entryId);
        await holdQuota(this.#options, { pool }, own, 'pool-quota', entryId);
      });
    } catch (error) {
      log.warn({ err: error }, 'no room was made after a save; it is tried again');
    }
  }

  /** Holds every quota and expiry. For a chore: it makes up for what changed limits, crashes and races have left. */
  async keep(): Promise<void> {
    const { index, recency, pools, now } = this.#options;
    const usages = await index.usages();
    this.#poolsOf = new Map(
      Array.from(
        Map.groupBy(usages, (one) => one.tenant),
        ([tenant, own]) => [tenant, own.map((one) => one.pool)],
      ),
    );
    if (pools === undefined || !pools.known) return;
    await recency.flush();
    await this.#inTurn(async () => {
      for (const pool of new Set(usages.map((one) => one.pool))) {
        const { unreadExpiry, poolQuota } = this.#ofPool(pool);
        if (unreadExpiry !== Number.POSITIVE_INFINITY)
          await expire(this.#options, pool, now() - unreadExpiry);
        await holdQuota(this.#options, { pool }, poolQuota, 'pool-quota');
      }
      for (const [tenant, own] of this.#poolsOf)
        await holdQuota(this.#options, { tenant }, repositoryQuota(pools, own), 'repository-quota');
    });
  }

  /** Frees the disk to its floor, if there is anything to free. For a chore. */
  async keepDisk(): Promise<void> {
    await this.#hasRoom(0);
  }

  /** Uploads without a request for parts since then are open no longer. */
  releasedBefore(time: number): void {
    this.#offered.forgetBefore(time);
  }

  async #admitBytes(sizeBytes: number): Promise<void> {
    if (await this.#hasRoom(sizeBytes)) return;
    throw new CacheRefused(
      'cache-store-full',
      'The disk of the cache is full up to the part that is to stay free, and nothing is left to evict.',
    );
  }

  async #hasRoom(incoming: number): Promise<boolean> {
    const { disk, index } = this.#options;
    if (disk === undefined) return true;
    const space = async () => disk.space((await index.usage({})).sizeBytes + this.#offered.total);
    if (missingBytes(await space(), disk.floor, incoming) === 0) return true;
    const { floor } = disk;
    return this.#inTurn(() => holdFloor({ ...this.#options, floor, space }, incoming));
  }

  #mostBytes({ tenant, pool }: CacheAccess): number {
    const { repository, own } = this.#quotas(tenant, pool);
    return Math.min(this.#ofPool(pool).maxEntrySize, repository, own);
  }

  #tooLarge(access: CacheAccess, sizeBytes: number): CacheRefused {
    return new CacheRefused(
      'cache-entry-too-large',
      `The entry has ${sizeBytes} bytes or more; the limits of its pool allow ${this.#mostBytes(access)}.`,
    );
  }

  #quotas(tenant: string, pool: string): { repository: number; own: number } {
    const { pools } = this.#options;
    if (pools === undefined || !pools.known)
      return { repository: Number.POSITIVE_INFINITY, own: Number.POSITIVE_INFINITY };
    const sharing = [pool, ...(this.#poolsOf.get(tenant) ?? [])];
    return { repository: repositoryQuota(pools, sharing), own: this.#ofPool(pool).poolQuota };
  }

  #ofPool(pool: string): PoolLimits {
    const { pools } = this.#options;
    if (pools?.known) return pools.of(pool) ?? USUAL_LIMITS;
    return { ...USUAL_LIMITS, maxEntrySize: Number.POSITIVE_INFINITY };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
