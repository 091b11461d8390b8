import type { CacheIndex, Owner } from '../index/index.ts';
import type { Recency } from '../recency.ts';
import { type EvictionReason, type Evictor, evict } from './evict.ts';
import { planEviction } from './plan_eviction.ts';

/** Candidates that are read at once. */
const BATCH = 200;

export type QuotaKeeper = Evictor & {
  readonly index: Pick<CacheIndex, 'usage' | 'leastRecentlyUsed' | 'remove'>;
  readonly recency: Pick<Recency, 'flush'>;
};

/**
 * Brings what the owner's entries have down to `quota` bytes, least recently used first; `keep` is the id of an entry
 * that was just saved. Uses that are noted in memory count. Of several at it, in this process or in others, each takes
 * the same entries, which are gone once.
 */
export async function holdQuota(
  keeper: QuotaKeeper,
  of: Owner,
  quota: number,
  reason: EvictionReason,
  keep?: string,
): Promise<void> {
  const { index, recency } = keeper;
  for (let flushed = false; ; ) {
    const { sizeBytes } = await index.usage(of);
    if (sizeBytes <= quota) return;
    if (!flushed) await recency.flush();
    flushed = true;
    const candidates = await index.leastRecentlyUsed(of, BATCH);
    const gone = await evict(keeper, planEviction(sizeBytes - quota, candidates, keep), reason);
    if (gone.length === 0) return;
  }
}
