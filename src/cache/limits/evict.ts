import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import type { CacheIndex, Owned } from '../index/index.ts';

/** Why an entry was taken away without anybody asking for it. */
export const EVICTION_REASONS = ['repository-quota', 'pool-quota', 'expired', 'disk'] as const;
export type EvictionReason = (typeof EVICTION_REASONS)[number];

export interface Evictor {
  readonly index: Pick<CacheIndex, 'remove'>;
  readonly blobs: Pick<Blobs, 'remove'>;
  readonly onEvicted?: ((reason: EvictionReason, entries: readonly Owned[]) => void) | undefined;
  readonly log: Logger;
}

/**
 * Takes entries away: their rows first and their bytes after, so that nobody finds an entry without its bytes. What a
 * crash leaves between the two are blobs that nothing names, which the sweep takes. Answers those that were there.
 */
export async function evict(
  { index, blobs, onEvicted, log }: Evictor,
  entries: readonly Owned[],
  reason: EvictionReason,
): Promise<Owned[]> {
  const gone: Owned[] = [];
  for (const [tenant, own] of Map.groupBy(entries, (entry) => entry.tenant)) {
    const removed = await index.remove(
      tenant,
      own.map((entry) => entry.id),
    );
    onEvicted?.(reason, removed.entries);
    gone.push(...removed.entries);
    await blobs
      .remove(removed.blobs)
      .catch((error: unknown) => log.warn({ err: error }, 'bytes of evicted entries are left to the sweep'));
  }
  return gone;
}
