import { pino } from 'pino';
import { DEFAULT_LIMITS } from '../../src/runtime/limits.ts';
import { createApiMetrics } from '../../src/runtime/metrics.ts';
import { allRoutes, type RouteTools } from '../../src/runtime/routes/all.ts';
import { type Api, buildServer } from '../../src/runtime/server.ts';

/** The api with all of its routes, to be described and never called. */
export async function describedApi<T>(describe: (app: Api) => T): Promise<T> {
  const app = await buildServer({
    log: pino({ level: 'silent' }),
    limits: DEFAULT_LIMITS,
    metrics: createApiMetrics(),
    authentication: {
      verifier: uncalled('verifier'),
      agentVerifier: uncalled('verifier'),
      live: uncalled('live tokens'),
    },
    routes: allRoutes(toolsForNothing()),
  });
  try {
    await app.ready();
    return describe(app);
  } finally {
    await app.close();
  }
}

/** Settings are read while the routes are made; whatever else they take must not be used before a route is called. */
function toolsForNothing(): RouteTools {
  const settings: Partial<RouteTools> = {
    issuer: 'https://harrier.invalid',
    introspection: {
      clients: undefined,
      perSecond: 1,
      verifier: uncalled('verifier'),
      live: uncalled('live tokens'),
    },
  };
  return new Proxy({} as RouteTools, {
    get: (_target, name) => settings[name as keyof RouteTools] ?? uncalled(String(name)),
  });
}

function uncalled<T extends object>(what: string): T {
  return new Proxy({} as T, {
    get: () => {
      throw new Error(`${what} was used while routes were only described`);
    },
  });
}
