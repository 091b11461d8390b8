import type { PoolCacheStatus } from '../../resources/pool_cache.ts';
import type { Lookups } from './lookup_counts.ts';

/** A pool's status is written at most once in so long, by whichever replica comes first, in ms. */
export const WRITE_EVERY = 60_000;

/** What the cache holds for a pool. */
export type Held = Pick<PoolCacheStatus, 'entries' | 'sizeBytes' | 'repositories'>;

/**
 * The status to write, or undefined when nothing has changed or the last write is too young. Look-ups are added to
 * what is written already, so that any number of replicas count together; pure.
 */
export function nextStatus(
  before: PoolCacheStatus | undefined,
  held: Held,
  lookups: Lookups,
  now: number,
): PoolCacheStatus | undefined {
  const { hits, misses, updatedAt, ...had } = before ?? { ...NOTHING, updatedAt: undefined };
  const same =
    had.entries === held.entries &&
    had.sizeBytes === held.sizeBytes &&
    had.repositories === held.repositories &&
    lookups.hits === 0 &&
    lookups.misses === 0;
  if (same) return undefined;
  const age = updatedAt === undefined ? WRITE_EVERY : now - Date.parse(updatedAt);
  // A clock that was ahead must not keep others from writing until its time has come.
  if (age >= 0 && age < WRITE_EVERY) return undefined;
  return {
    ...held,
    hits: hits + lookups.hits,
    misses: misses + lookups.misses,
    updatedAt: new Date(now).toISOString(),
  };
}

const NOTHING = { entries: 0, sizeBytes: 0, repositories: 0, hits: 0, misses: 0 };
