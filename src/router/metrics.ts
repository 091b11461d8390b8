import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ProblemCode } from '../protocol/problem.ts';
import type { Failing } from './cell.ts';

/** What the router counts: by cells that its own file names, never by what a bearer says. */
export interface RouterMetrics {
  registry: Registry;
  /** A request that went to the cell, and the status of what came back. */
  answered(cell: string, status: number): void;
  /** A request that went to no cell. */
  refused(code: ProblemCode): void;
  failed(cell: string, at: Failing): void;
  /** A version of the cells file was taken or refused. */
  fileRead(outcome: 'used' | 'refused'): void;
  /** What is read when scraped. */
  watch(read: () => { ejected: ReadonlyMap<string, boolean>; upgraded: number }): void;
}

export function createRouterMetrics(): RouterMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'harrier_router_requests_total',
    help: 'Requests sent to a cell, by the status of the answer; 502 also for those that it did not answer.',
    labelNames: ['cell', 'status'],
    registers,
  });
  const refusals = new Counter({
    name: 'harrier_router_refusals_total',
    help: 'Requests that went to no cell, by the code of the problem.',
    labelNames: ['code'],
    registers,
  });
  const failures = new Counter({
    name: 'harrier_router_cell_failures_total',
    help: 'Connections, checks and answers at which a cell failed; by the first two it is ejected.',
    labelNames: ['cell', 'at'],
    registers,
  });
  const files = new Counter({
    name: 'harrier_router_cells_file_total',
    help: 'Versions of the cells file, by whether they were used or refused.',
    labelNames: ['outcome'],
    registers,
  });
  const good = new Gauge({
    name: 'harrier_router_cells_file_good',
    help: '1 while the cells file as it stands is in use.',
    registers,
  });
  // Finding a labelled series costs more than counting in it.
  const series = new Map<string, { inc(): void }>();
  return {
    registry,
    answered(cell, status) {
      const key = `${status} ${cell}`;
      let one = series.get(key);
      if (one === undefined) {
        one = requests.labels(cell, String(status));
        series.set(key, one);
      }
      one.inc();
    },
    refused: (code) => refusals.inc({ code }),
    failed: (cell, at) => failures.inc({ cell, at }),
    fileRead(outcome) {
      files.inc({ outcome });
      good.set(outcome === 'used' ? 1 : 0);
    },
    watch(read) {
      new Gauge({
        name: 'harrier_router_cell_ejected',
        help: '1 while nothing is sent to the cell because it failed.',
        labelNames: ['cell'],
        registers,
        collect() {
          this.reset();
          for (const [cell, ejected] of read().ejected) this.set({ cell }, Number(ejected));
        },
      });
      new Gauge({
        name: 'harrier_router_websockets',
        help: 'WebSockets that are open.',
        registers,
        collect() {
          this.set(read().upgraded);
        },
      });
    },
  };
}
