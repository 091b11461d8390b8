import { type PoolLimits, type PoolsLimits, poolLimits } from '../../cache/limits/pool_limits.ts';
import type { Informer } from '../../kube/types.ts';
import type { ServedPool } from '../served_pools.ts';

/** The pools' limits as the watch has them at each moment. */
export function watchedLimits(pools: Pick<Informer<ServedPool>, 'store' | 'synced'>): PoolsLimits {
  const read = new WeakMap<ServedPool, PoolLimits>();
  return {
    get known() {
      return pools.synced;
    },
    of(name) {
      const slash = name.indexOf('/');
      const pool = pools.store.get(name.slice(0, slash), name.slice(slash + 1));
      if (pool === undefined) return undefined;
      const known = read.get(pool) ?? poolLimits(pool.spec.cache.limits);
      read.set(pool, known);
      return known;
    },
  };
}
