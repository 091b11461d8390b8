import { Counter, type Registry } from 'prom-client';
import { metricIn } from './metric.ts';

export interface InformerMetrics {
  listed(): void;
  received(type: string): void;
  failed(kind: string): void;
}

/** Counters of the informers of a registry; without a registry nothing is counted. */
export function informerMetrics(registry: Registry | undefined, resource: string): InformerMetrics {
  if (registry === undefined)
    return { listed: () => undefined, received: () => undefined, failed: () => undefined };
  const lists = counter(registry, 'harrier_informer_lists_total', 'Lists taken in by informers.', []);
  const events = counter(registry, 'harrier_informer_events_total', 'Watch events received.', ['type']);
  const failures = counter(
    registry,
    'harrier_informer_failures_total',
    'Lists and watches that failed, and objects that could not be read.',
    ['kind'],
  );
  return {
    listed: () => lists.inc({ resource }),
    received: (type) => events.inc({ resource, type }),
    failed: (kind) => failures.inc({ resource, kind }),
  };
}

function counter(registry: Registry, name: string, help: string, labels: string[]): Counter {
  return metricIn(
    registry,
    name,
    () => new Counter({ name, help, labelNames: ['resource', ...labels], registers: [registry] }),
  );
}
