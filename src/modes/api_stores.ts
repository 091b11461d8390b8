import type { Logger } from 'pino';
import type { ArtifactIndex } from '../artifacts/index/index.ts';
import { openArtifactIndex } from '../artifacts/index/open.ts';
import { type Cache, openCache } from '../cache/open.ts';
import type { Informer } from '../kube/types.ts';
import type { ApiMetrics } from '../runtime/metrics.ts';
import { watchedLimits } from '../runtime/pool_cache/watched_limits.ts';
import type { ServedPool } from '../runtime/served_pools.ts';
import type { ApiConfig } from './api_config.ts';
import { postgresOptions } from './postgres_config.ts';
import { s3Options } from './s3_config.ts';

/** Opens the cache, and the index of artifacts that shares its database, as the configuration says. */
export async function openApiStores(
  config: ApiConfig,
  pools: Pick<Informer<ServedPool>, 'store' | 'synced'>,
  metrics: ApiMetrics,
  log: Logger,
): Promise<{ cache: Cache; artifactIndex: ArtifactIndex }> {
  const postgres = postgresOptions(config);
  const artifactIndex = await openArtifactIndex(
    config.HARRIER_DATA_DIR,
    postgres && { options: postgres, log },
  );
  const cache = await openCache({
    neighbours: [artifactIndex],
    dataDir: config.HARRIER_DATA_DIR,
    postgres,
    s3: s3Options(config),
    scrubMebibytesPerSecond: config.HARRIER_CACHE_SCRUB_RATE,
    cell: config.HARRIER_CELL,
    clock: Date.now,
    onCorrupt: metrics.cache.quarantined,
    pools: watchedLimits(pools),
    freeDiskFloor: config.HARRIER_CACHE_FREE_DISK_FLOOR,
    volumeBytes: config.HARRIER_CACHE_VOLUME_SIZE,
    openUploadTimeout: config.HARRIER_CACHE_OPEN_UPLOAD_TIMEOUT,
    onEvicted: (reason, entries) =>
      metrics.cache.evicted(
        reason,
        entries.length,
        entries.reduce((sum, one) => sum + one.sizeBytes, 0),
      ),
    log,
  });
  return { cache, artifactIndex };
}
