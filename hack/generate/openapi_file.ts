import { pino } from 'pino';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { blobRoutes } from '../../src/runtime/routes/blobs.ts';
import { cacheRoutes } from '../../src/runtime/routes/cache.ts';
import { healthRoutes } from '../../src/runtime/routes/health.ts';
import { runnerRoutes } from '../../src/runtime/routes/runner.ts';
import { wellKnownRoutes } from '../../src/runtime/routes/wellknown.ts';
import { buildServer } from '../../src/runtime/server.ts';

/** The api's OpenAPI document, as the api itself serves it at /openapi.json: the same routes, never called. */
export async function openapiFile(): Promise<[path: string, text: string]> {
  const app = await buildServer({
    log: pino({ level: 'silent' }),
    limits: DEFAULT_LIMITS,
    metrics: createApiMetrics(),
    authentication: {
      verifier: uncalled('verifier'),
      agentVerifier: uncalled('verifier'),
      live: uncalled('live tokens'),
    },
    routes: [
      healthRoutes({}),
      wellKnownRoutes(uncalled('public keys'), ''),
      runnerRoutes(() => Promise.reject(new Error('only described'))),
      cacheRoutes(uncalled('cache')),
      blobRoutes(uncalled('cache')),
    ],
  });
  try {
    await app.ready();
    return ['docs/openapi.json', `${JSON.stringify(app.swagger(), null, 2)}\n`];
  } finally {
    await app.close();
  }
}

/** Stands where a route's handler would find its tools: describing a route must not need them. */
function uncalled<T extends object>(what: string): T {
  return new Proxy({} as T, {
    get: () => {
      throw new Error(`the ${what} was used while routes were only described`);
    },
  });
}
