import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { REFUSALS, type Refusal } from '../tokens/refusal.ts';
import { type CacheMetrics, createCacheMetrics } from './cache_metrics.ts';
import { createWebhookMetrics, type WebhookMetrics } from './webhooks/webhook_metrics.ts';

/** What the api counts. No label ever holds a name, a UID or anything else of a token. */
export interface ApiMetrics {
  registry: Registry;
  readonly cache: CacheMetrics;
  readonly webhooks: WebhookMetrics;
  refused(refusal: Refusal): void;
  answered(method: string, route: string, status: number, seconds: number): void;
  /** A token was checked with the apiserver itself, since a watch was broken. */
  asked(outcome: 'accepted' | 'refused' | 'failed'): void;
  /** Adds a gauge that is read when scraped. */
  watch(name: string, help: string, read: () => number): void;
}

export function createApiMetrics(): ApiMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const refusals = new Counter({
    name: 'harrier_api_token_refusals_total',
    help: 'Bearer tokens refused, by reason.',
    labelNames: ['refusal'],
    registers: [registry],
  });
  for (const refusal of REFUSALS) refusals.inc({ refusal }, 0);
  const asked = new Counter({
    name: 'harrier_api_direct_checks_total',
    help: 'Tokens checked with the apiserver itself, since a watch was broken, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const requests = new Histogram({
    name: 'harrier_api_request_duration_seconds',
    help: 'Time to answer, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  // Finding a labelled series costs more than counting in it, and there are only a few dozen.
  const series = new Map<string, { observe(value: number): void }>();
  return {
    registry,
    cache: createCacheMetrics(registry),
    webhooks: createWebhookMetrics(registry),
    refused: (refusal) => refusals.inc({ refusal }),
    asked: (outcome) => asked.inc({ outcome }),
    answered(method, route, status, seconds) {
      const key = `${method} ${route} ${status}`;
      let one = series.get(key);
      if (one === undefined) {
        one = requests.labels(method, route, String(status));
        series.set(key, one);
      }
      one.observe(seconds);
    },
    watch(name, help, read) {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    },
  };
}
