import { Gauge, type Registry } from 'prom-client';
import type { Cache } from '../../cache/open.ts';
import type { Informer } from '../../kube/types.ts';
import type { ServedPool } from '../served_pools.ts';
import type { Held } from './next_status.ts';
import { heldByPool } from './write_status.ts';

/**
 * Gauges of what the cache holds for each pool that is there, read when they are asked for. By pool and not by
 * repository: an organization has thousands of these, and each label is a series for ever.
 */
export function poolGauges(
  registry: Registry,
  pools: Pick<Informer<ServedPool>, 'store'>,
  cache: Pick<Cache['management'], 'usages'>,
): void {
  const values: [string, string, (held: Held | undefined) => number][] = [
    [
      'entries',
      'Entries that runners of the pool saved and that are still there.',
      (held) => held?.entries ?? 0,
    ],
    ['size_bytes', 'Their bytes.', (held) => held?.sizeBytes ?? 0],
  ];
  for (const [name, help, read] of values)
    new Gauge({
      name: `harrier_cache_pool_${name}`,
      help,
      labelNames: ['namespace', 'pool'],
      registers: [registry],
      async collect() {
        const held = heldByPool(await cache.usages());
        this.reset();
        for (const { metadata } of pools.store.list()) {
          const { namespace, name: pool } = metadata;
          this.set({ namespace, pool }, read(held.get(`${namespace}/${pool}`)));
        }
      },
    });
}
