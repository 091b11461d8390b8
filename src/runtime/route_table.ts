import fastifyPlugin from 'fastify-plugin';
import type { Access } from './authenticate.ts';
import type { RunnerStanding } from './served_states.ts';

/** One endpoint: a method of a path, and who is served there. */
export interface Endpoint {
  method: string;
  /** With its parameters as `:name`. */
  path: string;
  access: Access;
  /** States in which a runner or agent is served; absent where nobody of these is asked for. */
  states?: readonly RunnerStanding[] | undefined;
  /** Whether the runners of trusted issuers are served as well. */
  visitors: boolean;
  /** In words, one line. */
  summary: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every endpoint that was registered, those included that Fastify adds for HEAD. */
    readonly endpoints: readonly Endpoint[];
  }
}

/** Notes each route as it is registered: so no list of endpoints is ever kept by hand. To be registered first. */
export const routeTable = fastifyPlugin(
  async (app) => {
    const endpoints: Endpoint[] = [];
    app.decorate('endpoints', endpoints);
    app.addHook('onRoute', ({ method, url, config, schema }) => {
      for (const one of [method].flat())
        endpoints.push({
          method: one,
          path: url,
          access: config?.access ?? 'runner',
          states: config?.states,
          visitors: config?.issuers === 'trusted',
          summary: (schema as { summary?: string } | undefined)?.summary ?? '',
        });
    });
  },
  { name: 'harrier-route-table', fastify: '5.x' },
);

/** Methods that a concrete path (no query) is served by, sorted; none when there is no such path. */
export function methodsOf(endpoints: readonly Endpoint[], path: string): string[] {
  const asked = path.split('/');
  const methods = endpoints.filter((one) => isAt(one.path.split('/'), asked)).map((one) => one.method);
  return [...new Set(methods)].sort();
}

function isAt(pattern: readonly string[], asked: readonly string[]): boolean {
  return (
    pattern.length === asked.length &&
    pattern.every((part, i) => (part.startsWith(':') ? asked[i] !== '' : part === asked[i]))
  );
}
