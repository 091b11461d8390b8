import type { Cache } from '../cache/open.ts';
import type { CacheMetrics } from './cache_metrics.ts';
import type { HitHistory } from './management/hit_history.ts';
import type { LookupCounts } from './pool_cache/lookup_counts.ts';

/** The same cache, with what is done with it counted. Refusals count nowhere: they are in the answers' own metric. */
export function measuredCache(
  cache: Cache,
  metrics: Pick<CacheMetrics, 'lookedUp' | 'reserved' | 'committed' | 'passed'>,
  history: Pick<HitHistory, 'count'>,
  counts: Pick<LookupCounts, 'count'>,
): Cache {
  return {
    ...cache,
    async lookup(access, request) {
      const began = performance.now();
      const answer = await cache.lookup(access, request);
      metrics.lookedUp(answer.hit ? answer : undefined, secondsSince(began));
      history.count(access.tenant, answer.hit);
      counts.count(access.pool, answer.hit);
      return answer;
    },
    async reserve(access, request) {
      const began = performance.now();
      const answer = await cache.reserve(access, request);
      metrics.reserved(secondsSince(began));
      return answer;
    },
    async commit(access, uploadId, request) {
      const began = performance.now();
      const answer = await cache.commit(access, uploadId, request);
      metrics.committed(answer.sizeBytes, secondsSince(began));
      return answer;
    },
    async write(blob, sizeBytes, source) {
      await cache.write(blob, sizeBytes, source);
      metrics.passed('in', sizeBytes);
    },
    async read(content, range) {
      const stream = await cache.read(content, range);
      // Only what was read to its end: of a broken one nobody knows how much arrived.
      return stream.once('end', () => metrics.passed('out', range.end - range.start + 1));
    },
  };
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}
