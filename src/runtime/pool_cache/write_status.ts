import type { Logger } from 'pino';
import type { Cache } from '../../cache/open.ts';
import { isKubeError } from '../../kube/errors.ts';
import type { Informer } from '../../kube/types.ts';
import type { Clock } from '../../tokens/clock.ts';
import type { WritePoolStatus } from '../pool_status/write_pool_status.ts';
import type { ServedPool } from '../served_pools.ts';
import type { LookupCounts } from './lookup_counts.ts';
import { type Held, nextStatus } from './next_status.ts';

export interface PoolCacheStatusOptions {
  write: WritePoolStatus;
  pools: Pick<Informer<ServedPool>, 'store' | 'synced'>;
  cache: Pick<Cache['management'], 'usages'>;
  counts: LookupCounts;
  now: Clock;
  log: Logger;
}

const ROUND_EVERY = 20_000;
const EMPTY: Held = { entries: 0, sizeBytes: 0, repositories: 0 };

/**
 * Writes RunnerPool.status.cache of every pool for which there is something new. Of two replicas one comes first, and
 * the other adds its look-ups to what that wrote.
 */
export async function writePoolCacheStatus(options: PoolCacheStatusOptions): Promise<void> {
  const { pools, cache, counts, log } = options;
  if (!pools.synced) return;
  const held = heldByPool(await cache.usages());
  const there = pools.store.list();
  counts.keepOnly(new Set(there.map(keyOf)));
  for (const pool of there) {
    try {
      await writeOne(pool, held.get(keyOf(pool)) ?? EMPTY, options);
    } catch (error) {
      // What other writes kept coming before waits for the next round.
      if (isKubeError(error, 'conflict')) continue;
      const { namespace, name } = pool.metadata;
      log.warn(
        { err: error, pool: `${namespace}/${name}` },
        "the cache's figures of a pool were not written",
      );
    }
  }
}

/** Writes again and again until it is stopped. */
export function startPoolCacheStatus(options: PoolCacheStatusOptions): { stop(): Promise<void> } {
  let round: Promise<void> | undefined;
  const timer = setInterval(() => {
    round ??= writePoolCacheStatus(options)
      .catch((error: unknown) => options.log.warn({ err: error }, "the cache's figures were not written"))
      .finally(() => {
        round = undefined;
      });
  }, ROUND_EVERY).unref();
  return {
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}

async function writeOne(
  pool: ServedPool,
  has: Held,
  { write, counts, now }: PoolCacheStatusOptions,
): Promise<void> {
  const lookups = counts.of(keyOf(pool));
  const written = await write(pool, ({ status }) => {
    const cache = nextStatus(status?.cache, has, lookups, now());
    return cache && { cache };
  });
  if (written !== undefined) counts.taken(keyOf(pool), lookups);
}

/** What each pool's runners saved that is still there; pure. */
export function heldByPool(
  usages: readonly { tenant: string; pool: string; entries: number; sizeBytes: number }[],
): Map<string, Held> {
  return new Map(
    Array.from(
      Map.groupBy(usages, ({ pool }) => pool),
      ([pool, own]) => [
        pool,
        {
          entries: own.reduce((sum, one) => sum + one.entries, 0),
          sizeBytes: own.reduce((sum, one) => sum + one.sizeBytes, 0),
          repositories: own.filter((one) => one.entries > 0).length,
        },
      ],
    ),
  );
}

function keyOf({ metadata }: ServedPool): string {
  return `${metadata.namespace}/${metadata.name}`;
}
