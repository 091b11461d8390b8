/** The api's own server with a cache in the folder, without a cluster behind it: `cache_server.ts FOLDER ADDRESS TOKEN`; prints its port. */
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { openCache } from '../src/cache/open.ts';
import { buildCacheApi } from '../test/support/cache_api.ts';

const [, , dataDir = '', host = '', token = ''] = process.argv;
const log = pino({ level: 'silent' });
const cache = await openCache({ dataDir, clock: Date.now, log });
const scopes = [{ name: 'bench', permission: 'ReadWrite' }] as const;
const api = await buildCacheApi(cache, {
  [token]: { enabled: true, tenant: 'bench', pool: 'bench/bench', scopes },
});
await api.listen({ host, port: 0 });
console.log(`serves on ${(api.server.address() as AddressInfo).port}`);
