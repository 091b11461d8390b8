import type { FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import { bearerToken } from '../../tokens/bearer.ts';
import { TokenRefused } from '../../tokens/refusal.ts';
import { unauthorized } from '../authenticate.ts';
import { problem } from '../problem.ts';
import type { Manager, Managers } from './managers.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, on a route of access `manager`. */
    readonly manager: Manager;
  }
}

const MANAGER = Symbol('manager');
type WithManager = FastifyRequest & { [MANAGER]?: Manager };

/** Requests a second from one address: each unknown token is a question to the apiserver. */
const PER_ADDRESS = { max: 100, timeWindow: 1000, hook: 'onRequest' } as const;

/** What a route for managers says of itself. */
export const FOR_MANAGERS = {
  access: 'manager',
  rateLimit: { ...PER_ADDRESS, keyGenerator: (request: FastifyRequest) => request.ip },
} as const;

/**
 * Lets only those on to the routes of its plugin whose token Kubernetes knows; what they may do there, each route asks.
 * Without `managers` the installation has no management.
 */
export const guard = fastifyPlugin<{ managers: Managers | undefined }>(
  async (app, { managers }) => {
    if (!app.hasRequestDecorator('manager'))
      app.decorateRequest('manager', {
        getter(this: FastifyRequest): Manager {
          const manager = (this as WithManager)[MANAGER];
          if (manager === undefined) throw new Error('this route asks for no manager');
          return manager;
        },
      });
    // After the limit of the address, before a body is read.
    app.addHook('preParsing', async (request: WithManager) => {
      if (request.routeOptions.config.access !== 'manager') return;
      if (managers === undefined)
        throw problem(
          'not-found',
          'This installation has no management: see management.enabled of the chart.',
        );
      request[MANAGER] = await managers.identify(tokenOf(request));
    });
  },
  { name: 'harrier-management-guard', fastify: '5.x', dependencies: ['harrier-rate-limits'] },
);

function tokenOf(request: FastifyRequest): string {
  try {
    return bearerToken(request.headers.authorization);
  } catch (error) {
    throw error instanceof TokenRefused ? unauthorized(error.refusal) : error;
  }
}
