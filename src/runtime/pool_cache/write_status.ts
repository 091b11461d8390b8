import type { Logger } from 'pino';
import type { Cache } from '../../cache/open.ts';
import { isKubeError } from '../../kube/errors.ts';
import type { Informer, KubeClient } from '../../kube/types.ts';
import { API_VERSION, FieldManager } from '../../resources/group.ts';
import type { Clock } from '../../tokens/clock.ts';
import { type ServedPool, ServedPoolKind } from '../served_pools.ts';
import type { LookupCounts } from './lookup_counts.ts';
import { type Held, nextStatus } from './next_status.ts';

export interface PoolCacheStatusOptions {
  client: Pick<KubeClient, 'get' | 'applyStatus'>;
  pools: Pick<Informer<ServedPool>, 'store' | 'synced'>;
  cache: Pick<Cache['management'], 'usages'>;
  counts: LookupCounts;
  now: Clock;
  log: Logger;
}

/** The controller writes to the same object; what doesn't come through waits for the next round. */
const TRIES = 3;
const ROUND_EVERY = 20_000;
const EMPTY: Held = { entries: 0, sizeBytes: 0, repositories: 0 };

/**
 * Writes RunnerPool.status.cache of every pool for which there is something new. Each write names the version that
 * it was made from: of two replicas one meets 409 and adds its look-ups to what the other wrote.
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

async function writeOne(held: ServedPool, has: Held, options: PoolCacheStatusOptions): Promise<void> {
  const { client, pools, counts, now } = options;
  const { namespace, name, uid } = held.metadata;
  let pool = held;
  for (let tried = 1; tried <= TRIES; tried++) {
    const lookups = counts.of(keyOf(pool));
    const cache = nextStatus(pool.status?.cache, has, lookups, now());
    if (cache === undefined) return;
    const { resourceVersion } = pool.metadata;
    try {
      const written = await client.applyStatus(
        ServedPoolKind,
        {
          apiVersion: API_VERSION,
          kind: ServedPoolKind.kind,
          metadata: { namespace, name, uid, resourceVersion },
          status: { cache },
        },
        { fieldManager: FieldManager.api, force: true },
      );
      counts.taken(keyOf(pool), lookups);
      pools.store.absorb(written);
      return;
    } catch (error) {
      if (isKubeError(error, 'notFound')) return;
      if (!isKubeError(error, 'conflict')) throw error;
    }
    const read = await client.get(ServedPoolKind, namespace, name);
    if (read?.metadata.uid !== uid) return;
    pool = read;
  }
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
