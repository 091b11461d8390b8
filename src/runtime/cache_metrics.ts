import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { EVICTION_REASONS, type EvictionReason } from '../cache/limits/evict.ts';
import type { CacheManagement } from '../cache/manage.ts';

/** What the api counts of the cache. No label holds a repository, a pool, a scope or a key: they are too many. */
export interface CacheMetrics {
  lookedUp(found: { sizeBytes: number } | undefined, seconds: number): void;
  reserved(seconds: number): void;
  committed(sizeBytes: number, seconds: number): void;
  /** Bytes that passed through the api itself, which they do only where the store is a folder. */
  passed(direction: 'in' | 'out', bytes: number): void;
  /** An entry's bytes were not those that were saved. */
  quarantined(finder: string): void;
  /** Entries were taken out to make room, or since nobody read them. */
  evicted(reason: EvictionReason, entries: number, bytes: number): void;
  /** From now on the scrape tells what the cache holds. */
  show(cache: Pick<CacheManagement, 'usages' | 'openUploads'>): void;
}

/** From a look-up out of memory to a commit on a slow disk. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export function createCacheMetrics(registry: Registry): CacheMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });

  const lookups = counter('harrier_cache_lookups_total', 'Look-ups, by result.', ['result']);
  const hits = lookups.labels('hit');
  const misses = lookups.labels('miss');
  for (const one of [hits, misses]) one.inc(0);
  const bytes = counter(
    'harrier_cache_bytes_total',
    'Bytes of entries that were committed (in) and of entries that look-ups found (out), whichever way they travel.',
    ['direction'],
  );
  const passing = counter(
    'harrier_cache_api_bytes_total',
    'Bytes of the cache that passed through this process.',
    ['direction'],
  );
  for (const direction of ['in', 'out']) for (const one of [bytes, passing]) one.inc({ direction }, 0);
  const seconds = new Histogram({
    name: 'harrier_cache_operation_duration_seconds',
    help: 'Time of a look-up, of a reservation and of a commit that succeeded.',
    labelNames: ['operation'],
    buckets: SECONDS,
    registers,
  });
  // Found once: finding a labelled series costs more than counting in it.
  const [lookup, reserve, commit] = ['lookup', 'reserve', 'commit'].map((operation) =>
    seconds.labels(operation),
  );
  for (const operation of ['lookup', 'reserve', 'commit']) seconds.zero({ operation });
  const quarantines = counter(
    'harrier_cache_quarantined_total',
    'Entries whose bytes were not those that were saved, by who found out.',
    ['finder'],
  );
  for (const finder of ['lookup', 'restore', 'scrub', 'verify']) quarantines.inc({ finder }, 0);
  const evictions = counter('harrier_cache_evictions_total', 'Entries evicted, by reason.', ['reason']);
  const evictedBytes = counter('harrier_cache_evicted_bytes_total', 'Bytes evicted, by reason.', ['reason']);
  for (const reason of EVICTION_REASONS) for (const one of [evictions, evictedBytes]) one.inc({ reason }, 0);

  return {
    lookedUp(found, took) {
      (found === undefined ? misses : hits).inc();
      if (found !== undefined) bytes.inc({ direction: 'out' }, found.sizeBytes);
      lookup?.observe(took);
    },
    reserved: (took) => reserve?.observe(took),
    committed(sizeBytes, took) {
      bytes.inc({ direction: 'in' }, sizeBytes);
      commit?.observe(took);
    },
    passed: (direction, count) => passing.inc({ direction }, count),
    quarantined: (finder) => quarantines.inc({ finder }),
    evicted(reason, entries, size) {
      evictions.inc({ reason }, entries);
      evictedBytes.inc({ reason }, size);
    },
    show(cache) {
      const entries = new Gauge({
        name: 'harrier_cache_entries',
        help: 'Entries that the cache holds.',
        registers,
      });
      new Gauge({
        name: 'harrier_cache_size_bytes',
        help: 'Bytes of all entries.',
        registers,
        async collect() {
          const usages = await cache.usages();
          entries.set(usages.reduce((sum, one) => sum + one.entries, 0));
          this.set(usages.reduce((sum, one) => sum + one.sizeBytes, 0));
        },
      });
      new Gauge({
        name: 'harrier_cache_open_uploads',
        help: 'Uploads that were begun and neither committed nor given back.',
        registers,
        async collect() {
          this.set(await cache.openUploads());
        },
      });
    },
  };
}
