import { durationSeconds } from '../../resources/duration.ts';
import { type CacheLimits, cacheLimits } from '../../resources/pool_cache.ts';
import { quantityBytes } from '../../resources/quantity.ts';

/** RunnerPool.spec.cache.limits in bytes and milliseconds. */
export interface PoolLimits {
  readonly repositoryQuota: number;
  /** Infinity for none. */
  readonly poolQuota: number;
  /** Infinity for never. */
  readonly unreadExpiry: number;
  readonly maxEntrySize: number;
  readonly creationsPerMinute: number;
}

/** What the pools say of their limits. */
export interface PoolsLimits {
  /** False until they were heard of: before that nothing is evicted, nor refused for its size. */
  readonly known: boolean;
  /** `<namespace>/<name>`; undefined for a pool that is not there: deleted, or another installation's. */
  of(pool: string): PoolLimits | undefined;
}

export function poolLimits(limits: CacheLimits): PoolLimits {
  const expiry = durationSeconds(limits.unreadExpiry) * 1000;
  return {
    repositoryQuota: quantityBytes(limits.repositoryQuota),
    poolQuota: limits.poolQuota === undefined ? Number.POSITIVE_INFINITY : quantityBytes(limits.poolQuota),
    unreadExpiry: expiry === 0 ? Number.POSITIVE_INFINITY : expiry,
    maxEntrySize: quantityBytes(limits.maxEntrySize),
    creationsPerMinute: limits.creationsPerMinute,
  };
}

/** For what a pool left that is gone, and for visitors. */
export const USUAL_LIMITS = poolLimits(cacheLimits.parse(undefined));

/**
 * The bytes that a repository may have: the largest quota of the pools that save for it, so that no pool evicts what
 * another was promised; the usual one where none of them is there any more. Pure.
 */
export function repositoryQuota(limits: PoolsLimits, pools: Iterable<string>): number {
  let largest: number | undefined;
  for (const pool of pools) {
    const quota = limits.of(pool)?.repositoryQuota;
    if (quota !== undefined) largest = Math.max(largest ?? 0, quota);
  }
  return largest ?? USUAL_LIMITS.repositoryQuota;
}
