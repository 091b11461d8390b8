import { Gauge, type Registry } from 'prom-client';
import type { RunnerPool } from '../resources/runner_pool.ts';

/** Gauges of every pool, read from the store when they are asked for. */
export function poolMetrics(registry: Registry, pools: () => readonly RunnerPool[]): void {
  const values: [string, string, (pool: RunnerPool) => number | undefined][] = [
    ['desired', 'Runners asked for.', (pool) => pool.spec.replicas],
    ['ready', 'Runners ready.', (pool) => pool.status?.readyReplicas ?? 0],
    ['idle', 'Runners waiting for a job.', (pool) => pool.status?.idleReplicas ?? 0],
    ['busy', 'Runners with a job.', (pool) => pool.status?.busyReplicas ?? 0],
    ['queued', 'Jobs that wait in the forge; absent where that is not known.', (pool) => pool.status?.queued],
  ];
  for (const [name, help, countOf] of values)
    new Gauge({
      name: `harrier_pool_${name}`,
      help,
      labelNames: ['namespace', 'pool'],
      registers: [registry],
      collect() {
        this.reset();
        for (const pool of pools()) {
          const count = countOf(pool);
          if (count !== undefined)
            this.set({ namespace: pool.metadata.namespace, pool: pool.metadata.name }, count);
        }
      },
    });
}
