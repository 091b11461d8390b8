import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { metricIn } from './metric.ts';

export interface ReconcileMetrics {
  reconciled(result: 'done' | 'again' | 'error', ms: number): void;
  depth(waiting: number): void;
}

const BUCKETS_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/** Metrics of the loops of a registry, told apart by the label `loop`; without a registry nothing is counted. */
export function reconcileMetrics(registry: Registry | undefined, loop: string): ReconcileMetrics {
  if (registry === undefined) return { reconciled: () => undefined, depth: () => undefined };
  const registers = [registry];
  const duration = metricIn(registry, 'harrier_reconcile_duration_seconds', () => {
    const help = 'Time of one reconcile by how it ended.';
    const name = 'harrier_reconcile_duration_seconds';
    return new Histogram({ name, help, labelNames: ['loop', 'result'], buckets: BUCKETS_S, registers });
  });
  const errors = metricIn(registry, 'harrier_reconcile_errors_total', () => {
    const help = 'Reconciles that failed and were put back.';
    return new Counter({ name: 'harrier_reconcile_errors_total', help, labelNames: ['loop'], registers });
  });
  const depth = metricIn(registry, 'harrier_work_queue_depth', () => {
    const help = 'Keys that wait for a worker.';
    return new Gauge({ name: 'harrier_work_queue_depth', help, labelNames: ['loop'], registers });
  });
  errors.inc({ loop }, 0);
  return {
    reconciled(result, ms) {
      duration.observe({ loop, result }, ms / 1000);
      if (result === 'error') errors.inc({ loop });
    },
    depth: (waiting) => depth.set({ loop }, waiting),
  };
}
