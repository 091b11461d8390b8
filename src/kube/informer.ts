import { informerMetrics } from './informer_metrics.ts';
import { keepNamespace, type NamespaceState } from './keep_namespace.ts';
import { createStore } from './store.ts';
import type { Informer, InformerOptions, KubeObject, StoreChange } from './types.ts';

/**
 * Keeps a store equal to the cluster, one list-and-watch a namespace. A listener is called in the moment the event's
 * line was read, in the order of events; one that throws is logged and does not hold up the others.
 */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { kind, namespaces } = options;
  const log = options.log.child({ informer: kind.plural });
  const metrics = informerMetrics(options.registry, kind.plural);
  const listeners: ((change: StoreChange<T>) => void)[] = [];
  const store = createStore<T>(options.indexes ?? {}, (change) => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (err) {
        log.error({ err, uid: change.object.metadata.uid }, 'a listener threw');
      }
    }
  });
  const states = new Map<string, NamespaceState>(
    namespaces.map((namespace) => [namespace, { listed: false, open: false }]),
  );
  const stopping = new AbortController();
  const ready = Promise.withResolvers<void>();
  let running: Promise<unknown> | undefined;

  const everyState = (holds: (state: NamespaceState) => boolean) => [...states.values()].every(holds);

  return {
    store,
    get synced() {
      return everyState((state) => state.listed);
    },
    get connected() {
      return everyState((state) => state.listed && state.open);
    },
    onChange(listener) {
      listeners.push(listener);
    },
    start() {
      running ??= Promise.all(
        [...states].map(([namespace, state]) =>
          keepNamespace({
            ...options,
            log: log.child({ namespace }),
            namespace,
            state,
            store,
            metrics,
            signal: stopping.signal,
            onListed: () => {
              if (everyState((one) => one.listed)) ready.resolve();
            },
          }),
        ),
      );
      return ready.promise;
    },
    async stop() {
      stopping.abort(new Error('the informer was stopped'));
      ready.resolve();
      await running;
    },
  };
}
