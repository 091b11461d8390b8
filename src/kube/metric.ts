import type { Metric, Registry } from 'prom-client';

/** The registry's metric of that name, made on first use: several informers and queues share one, told apart by label. */
export function metricIn<M extends Metric>(registry: Registry, name: string, make: () => M): M {
  return (registry.getSingleMetric(name) as M | undefined) ?? make();
}
