import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { type Clock, systemClock } from './clock.ts';
import { isKubeError } from './errors.ts';
import { reconcileMetrics } from './reconcile_metrics.ts';
import type { Informer, KubeObject, ReconcileResult, StoreChange } from './types.ts';
import { createWorkQueue, type RetryPauses } from './work_queue.ts';

/** An informer whose changes lead to work, and to which keys each leads. */
export interface Source {
  /** Resolves once the informer, started unless it was, is synced. */
  start(): Promise<void>;
  /** To be told whom to call with the keys. */
  subscribe(add: (key: string) => void): void;
}

/** The source of an informer; `keys` gives whom a change concerns, such as `namespace/name` of the owning pool. */
export function source<T extends KubeObject>(
  informer: Informer<T>,
  keys: (object: T, change: StoreChange<T>) => Iterable<string>,
): Source {
  return {
    start: () => informer.start(),
    subscribe(add) {
      informer.onChange((change) => {
        for (const key of keys(change.object, change)) add(key);
        // An object whose owner was changed concerns the former owner too.
        if (change.type === 'set' && change.previous !== undefined)
          for (const key of keys(change.previous, change)) add(key);
      });
    },
  };
}

export interface LoopOptions {
  /** Label of the metrics and the log, such as `pool`. */
  name: string;
  sources: readonly Source[];
  reconcile(key: string): Promise<ReconcileResult>;
  /** How many keys at once, default 8. */
  concurrency?: number;
  log: Logger;
  registry?: Registry;
  clock?: Clock;
  pauses?: RetryPauses;
}

export interface Loop {
  /** Starts the informers, waits until they are synced, then lets the workers begin. */
  start(): Promise<void>;
  /** Asks for a reconcile of the key, for causes that no informer sees. */
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  /** Resolves when the reconciles under way have ended; the informers go on. */
  stop(): Promise<void>;
}

/** Informers' changes → keys → queue → reconcile, with metrics. A reconcile that throws is tried again, later each time. */
export function createLoop(options: LoopOptions): Loop {
  const { name, sources, reconcile, concurrency = 8, clock = systemClock } = options;
  const log = options.log.child({ loop: name });
  const metrics = reconcileMetrics(options.registry, name);
  const queue = createWorkQueue({
    clock,
    onDepth: metrics.depth,
    ...(options.pauses ? { pauses: options.pauses } : {}),
  });
  for (const one of sources) one.subscribe(queue.add);

  async function work(): Promise<void> {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      const began = clock.now();
      try {
        const { againAfterMs } = await reconcile(key);
        queue.forget(key);
        if (againAfterMs !== undefined) queue.addAfter(key, againAfterMs);
        metrics.reconciled(againAfterMs === undefined ? 'done' : 'again', clock.now() - began);
      } catch (err) {
        const pause = queue.addRateLimited(key);
        metrics.reconciled('error', clock.now() - began);
        // Another writer came first: the next look sees its work. Nothing is wrong.
        const level = isKubeError(err, 'conflict', 'alreadyExists') ? 'debug' : 'warn';
        log[level]({ err, key, pause }, 'reconcile failed and is tried again');
      } finally {
        queue.done(key);
      }
    }
  }

  return {
    async start() {
      await Promise.all(sources.map((one) => one.start()));
      log.info({ waiting: queue.depth }, 'informers are synced, work begins');
      for (let i = 0; i < concurrency; i++) void work();
    },
    add: queue.add,
    addAfter: queue.addAfter,
    stop: () => queue.stop(),
  };
}
