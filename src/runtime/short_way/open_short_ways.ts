import type { FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodType } from 'zod';
import type { ApiMetrics } from '../metrics.ts';
import type { ShortWays, Way } from './short_way.ts';

export interface ShortWayOptions {
  ways: ShortWays;
  answered: ApiMetrics['answered'];
}

/** Finds the routes that have a short way, and opens it while the server is ready. To be registered before them. */
export const openShortWays = fastifyPlugin<ShortWayOptions>(
  async (app, { ways, answered }) => {
    const found: Way[] = [];
    const parse = app.getDefaultJsonParser('error', 'error');

    app.addHook('onRoute', ({ method, url, config, schema }) => {
      const answer = config?.shortWay;
      if (answer === undefined || typeof method !== 'string' || method === 'HEAD') return;
      if ((config?.access ?? 'runner') !== 'runner' || config?.rateLimit !== undefined)
        throw new Error(`the route ${url} has a check that the short way leaves out`);
      const { body, response } = schema as { body?: ZodType; response: { 200: ZodType } };
      const check = body && (validatorCompiler({ schema: body, method, url }) as Check);
      found.push({
        method,
        path: url,
        route: { states: config?.states },
        answer: answer as Way['answer'],
        read: check && ((text) => readBody(text, check)),
        write: serializerCompiler({ schema: response[200], method, url }) as Way['write'],
      });
    });

    function readBody(text: string, check: Check): unknown {
      let value: unknown;
      // Fastify's own parser: it calls back before it returns, and asks nothing of the request.
      parse(undefined as unknown as FastifyRequest, text, (error, parsed) => {
        if (error === null) value = check(parsed).value;
      });
      return value;
    }

    app.addHook('onReady', async () => {
      ways.open(found, { recognize: app.recognize, underPressure: () => app.isUnderPressure(), answered });
    });
    app.addHook('preClose', async () => ways.close());
  },
  { name: 'harrier-short-ways', fastify: '5.x', dependencies: ['harrier-authenticate', 'harrier-pressure'] },
);

type Check = (data: unknown) => { value?: unknown };
