import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { problems } from './problem.ts';
import { routeTable } from './route_table.ts';
import { healthRoutes, type Readiness } from './routes/health.ts';

/** Metrics and health on a port of their own, which no runner reaches. */
export async function buildOpsServer(
  log: Logger,
  registry: Registry,
  checks: Readiness,
  told: Readiness,
): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: 10_000,
    connectionTimeout: 30_000,
    forceCloseConnections: true,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(routeTable);
  await app.register(problems);
  await app.register(healthRoutes(checks, told));
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  return app;
}
