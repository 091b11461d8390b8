import { z } from 'zod';
import type { ApiPlugin } from '../server.ts';

/** What is looked at, by name. */
export type Readiness = Record<string, () => boolean | Promise<boolean>>;

/** A check that takes longer has not held, in ms: less than the kubelet waits. */
const CHECK_TIMEOUT = 1000;

const health = z.object({ status: z.literal('ok') });
const readiness = z.object({
  status: z.enum(['ok', 'unready']),
  checks: z.record(z.string(), z.boolean()),
});

/**
 * The kubelet's questions: answered without a token and under any load.
 * @param checks What must hold before requests are sent here.
 * @param told What is told beside them and keeps no request away: runners have an identity while their cache has no
 * database.
 */
export function healthRoutes(checks: Readiness, told: Readiness = {}): ApiPlugin {
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
        const [needed, beside] = await Promise.all([resultsOf(checks), resultsOf(told)]);
        const ready = Object.values(needed).every(Boolean);
        return reply
          .code(ready ? 200 : 503)
          .header('cache-control', 'no-store')
          .send({ status: ready ? 'ok' : 'unready', checks: { ...needed, ...beside } });
      },
    );
  };
}

async function resultsOf(checks: Readiness): Promise<Record<string, boolean>> {
  const asked = Object.entries(checks).map(async ([name, holds]) => [name, await inTime(holds())] as const);
  return Object.fromEntries(await Promise.all(asked));
}

async function inTime(result: boolean | Promise<boolean>): Promise<boolean> {
  if (typeof result === 'boolean') return result;
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, CHECK_TIMEOUT, false);
  return Promise.race([result, late]).finally(() => clearTimeout(timer));
}
