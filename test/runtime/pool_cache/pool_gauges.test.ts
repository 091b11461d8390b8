import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { poolGauges } from '../../../src/runtime/pool_cache/pool_gauges.ts';
import { type ServedPool, ServedPoolKind } from '../../../src/runtime/served_pools.ts';
import { aPool } from '../../tokens/builders.ts';
import { watched } from '../builders.ts';

test('every pool that is there has its entries and bytes, and no other has', async () => {
  const registry = new Registry();
  const pools = watched<ServedPool>();
  pools.store.set(ServedPoolKind.parse(aPool()));
  const usage = (tenant: string, pool: string) => ({ tenant, pool, entries: 2, sizeBytes: 100 });
  const usages = async () => [usage('a', 'ci/linux'), usage('b', 'ci/linux'), usage('a', 'ci/gone')];
  poolGauges(registry, pools, { usages });
  const scraped = async () =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const labels = '{namespace="ci",pool="linux"}';
  expect(await scraped()).toEqual([
    `harrier_cache_pool_entries${labels} 4`,
    `harrier_cache_pool_size_bytes${labels} 200`,
  ]);
  for (const pool of pools.store.list()) pools.store.delete(pool);
  expect(await scraped()).toEqual([]);
});

test('of a pool only what the api uses is kept', () => {
  const parsed = ServedPoolKind.parse(aPool({ replicas: 3 }));
  expect(Object.keys(parsed.spec).sort()).toEqual(['cache', 'forge', 'replicas']);
  expect(parsed.spec).not.toHaveProperty('template');
  expect(parsed.spec.cache.limits.repositoryQuota).toBe('10Gi');
});
