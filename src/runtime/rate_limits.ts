import rateLimit from '@fastify/rate-limit';
import fastifyPlugin from 'fastify-plugin';
import { HARRIER_CLAIM } from '../tokens/claims.ts';
import type { Caller } from './authenticate.ts';
import { problem } from './problem.ts';

/** With the issuer: of two installations each gives out its own jti. */
function runnerOf({ claims }: Caller): string {
  return `${claims.iss} ${claims[HARRIER_CLAIM].namespace}/${claims.jti}`;
}

/**
 * 429 for a runner that asks too often, by its token's jti, so that neither a refreshed token nor a shared address
 * changes whose count it is. A route may set its own `config.rateLimit`.
 */
export const rateLimits = fastifyPlugin<{ requestsPerSecond: number }>(
  async (app, { requestsPerSecond }) => {
    await app.register(rateLimit, {
      global: requestsPerSecond > 0,
      max: requestsPerSecond,
      timeWindow: 1000,
      cache: 10_000,
      // After authentication, so that nobody uses up another's share with a token that isn't his.
      hook: 'preValidation',
      keyGenerator: (request) =>
        request.routeOptions.config.states !== undefined ? runnerOf(request.caller) : request.ip,
      errorResponseBuilder: (_request, { ttl }) =>
        problem('too-many-requests', 'The caller asks too often.', {
          headers: { 'retry-after': String(Math.max(1, Math.ceil(ttl / 1000))) },
        }),
    });
  },
  { name: 'harrier-rate-limits', fastify: '5.x', dependencies: ['harrier-authenticate'] },
);
