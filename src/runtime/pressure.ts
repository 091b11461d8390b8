import underPressure from '@fastify/under-pressure';
import fastifyPlugin from 'fastify-plugin';
import { problem } from './problem.ts';

/** Puts requests off with 503 while the event loop is late, so that those already taken in get their answer. */
export const pressure = fastifyPlugin<{ maxEventLoopDelayMs: number }>(
  async (app, { maxEventLoopDelayMs }) => {
    await app.register(underPressure, {
      maxEventLoopDelay: maxEventLoopDelayMs,
      pressureHandler: (request) => {
        // A busy process is neither dead nor unready: restarting it or moving its load would make things worse.
        if (request.routeOptions.config.duringPressure === true) return;
        throw problem('unavailable', 'The api is overloaded; retry.', { headers: { 'retry-after': '1' } });
      },
    });
  },
  { name: 'harrier-pressure', fastify: '5.x' },
);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered even while the process is overloaded. */
    duringPressure?: boolean;
  }
}
