import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Limits } from '../limits.ts';
import type { ApiMetrics } from '../metrics.ts';
import { observe } from '../observe.ts';
import { pressure } from '../pressure.ts';
import { problems } from '../problem.ts';
import { routeTable } from '../route_table.ts';
import { webhookRoutes } from '../routes/webhooks.ts';
import { serverOptions } from '../server_options.ts';
import type { ReceiveWebhooks } from './receive.ts';

export interface WebhookServerOptions {
  log: Logger;
  limits: Limits;
  metrics: ApiMetrics;
  webhooks: ReceiveWebhooks;
  /** Ranges of proxies whose X-Forwarded-For counts: behind one all webhooks come from its address. */
  trustedProxies: readonly string[];
}

/** Webhooks alone, on a port of their own: what a forge outside reaches leads to nothing that is for runners. */
export async function buildWebhookServer(options: WebhookServerOptions): Promise<FastifyInstance> {
  const { log, limits, metrics, webhooks, trustedProxies } = options;
  const app = fastify({
    ...serverOptions(log, limits),
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    requestTimeout: 10_000,
    connectionTimeout: limits.idleSocketTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: { headersTimeout: limits.headersTimeoutMs, maxHeaderSize: limits.headerBytes },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(routeTable);
  await app.register(problems);
  await app.register(observe, { metrics, verbose: log.isLevelEnabled('debug') });
  await app.register(pressure, { maxEventLoopDelayMs: limits.maxEventLoopDelayMs });
  await app.register(webhookRoutes(webhooks));
  return app as unknown as FastifyInstance;
}
