import fastifyPlugin from 'fastify-plugin';
import type { ApiMetrics } from './metrics.ts';

/**
 * Counts and logs each answer by its route's pattern: the URL itself may carry a signature, and no two would be alike.
 */
export const observe = fastifyPlugin<{ metrics: ApiMetrics; verbose: boolean }>(
  async (app, { metrics, verbose }) => {
    app.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      metrics.answered(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
      if (verbose) {
        request.log.debug(
          {
            reqId: request.id,
            method: request.method,
            route,
            status: reply.statusCode,
            ms: Math.round(reply.elapsedTime),
          },
          'answered',
        );
      }
      done();
    });
  },
  { name: 'harrier-observe', fastify: '5.x' },
);
