import { z } from 'zod';
import type { ApiPlugin } from '../server.ts';

/** What must hold before requests are sent here, by name. */
export type Readiness = Record<string, () => boolean | Promise<boolean>>;

const health = z.object({ status: z.literal('ok') });
const readiness = z.object({
  status: z.enum(['ok', 'unready']),
  checks: z.record(z.string(), z.boolean()),
});

/** The kubelet's questions: answered without a token and under any load. */
export function healthRoutes(checks: Readiness): ApiPlugin {
  return async (app) => {
    const config = { access: 'public', duringPressure: true } as const;
    app.get(
      '/healthz',
      { config, schema: { summary: 'The process answers', tags: ['health'], response: { 200: health } } },
      () => ({ status: 'ok' as const }),
    );
    app.get(
      '/readyz',
      {
        config,
        schema: {
          summary: 'Requests may be sent here',
          tags: ['health'],
          response: { 200: readiness, 503: readiness },
        },
      },
      async (_request, reply) => {
        const asked = Object.entries(checks).map(async ([name, holds]) => [name, await holds()] as const);
        const results = Object.fromEntries(await Promise.all(asked));
        const ready = Object.values(results).every(Boolean);
        return reply
          .code(ready ? 200 : 503)
          .header('cache-control', 'no-store')
          .send({ status: ready ? 'ok' : 'unready', checks: results });
      },
    );
  };
}
