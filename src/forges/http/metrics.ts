import { Counter, Histogram, type Registry } from 'prom-client';
import type { ForgeErrorReason } from '../forge_error.ts';

export interface ForgeMetrics {
  /** One request that was sent, or a call that was not: Held by a limit, or refused before anything was asked. */
  asked(outcome: ForgeOutcome, ms?: number): void;
}

export type ForgeOutcome = 'Ok' | 'NotModified' | 'Held' | ForgeErrorReason;

const REQUESTS = 'harrier_forge_requests_total';
const DURATION = 'harrier_forge_request_duration_seconds';
const BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Of all pools of one type of forge together; without a registry nothing is counted. */
export function forgeMetrics(registry: Registry | undefined, forge: string): ForgeMetrics {
  if (registry === undefined) return { asked: () => undefined };
  const registers = [registry];
  const requests =
    (registry.getSingleMetric(REQUESTS) as Counter | undefined) ??
    new Counter({
      name: REQUESTS,
      help: 'Requests to forges by how they ended; Held were not sent.',
      labelNames: ['forge', 'outcome'],
      registers,
    });
  const duration =
    (registry.getSingleMetric(DURATION) as Histogram | undefined) ??
    new Histogram({
      name: DURATION,
      help: 'Time of one request to a forge.',
      labelNames: ['forge'],
      buckets: BUCKETS_S,
      registers,
    });
  return {
    asked(outcome, ms) {
      requests.inc({ forge, outcome });
      if (ms !== undefined) duration.observe({ forge }, ms / 1000);
    },
  };
}
