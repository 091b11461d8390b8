/**
 * The api's own server on a cache, as a process that can be killed. `cache_api_process.ts <options as JSON>`; prints a
 * line when it serves. The options are those of `CacheApiOptions`.
 */
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { openCache } from '../../../src/cache/open.ts';
import type { CacheAccess } from '../../../src/cache/scope.ts';
import { buildCacheApi } from '../../support/cache_api.ts';
import type { StorePair } from './store_pairs.ts';

export interface CacheApiOptions {
  port: number;
  stores: StorePair['options'];
  callers: Record<string, CacheAccess>;
}

async function main({ port, stores, callers }: CacheApiOptions): Promise<void> {
  const log = pino({ level: 'silent' });
  const cache = await openCache({ ...stores, clock: Date.now, log });
  const api = await buildCacheApi(cache, callers, log);
  await api.listen({ host: '127.0.0.1', port });
  console.log('serves');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(JSON.parse(process.argv[2] ?? '') as CacheApiOptions);
}
