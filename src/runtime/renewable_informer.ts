import type { Informer, KubeObject, Store, StoreChange } from '../kube/types.ts';

export interface RenewableInformer<T extends KubeObject> {
  /** The current informer's; ask for it each time. */
  readonly store: Store<T>;
  readonly synced: boolean;
  readonly connected: boolean;
  /** It has been synced at some time, so that the process is of use, by asking if not by watch. */
  readonly wasSynced: boolean;
  /** Of this informer and of every later one. What went unseen while it was put away is no change to anybody. */
  onChange(listener: (change: StoreChange<T>) => void): void;
  /** Starts over with new connections and an empty store; not synced until the new list is there. */
  renew(): void;
  stop(): Promise<void>;
}

/**
 * An informer that can be put away for a new one. After an outage of the network a watch is open still, but what it
 * missed comes with TCP's next retransmission, which after a minute's outage may be a minute away, while new
 * connections work at once: the apiserver is heard again, and the watch knows nothing of what was deleted meanwhile.
 */
export function startRenewable<T extends KubeObject>(make: () => Informer<T>): RenewableInformer<T> {
  const listeners: ((change: StoreChange<T>) => void)[] = [];
  let wasSynced = false;
  let ending: Promise<unknown> = Promise.resolve();
  let current = begin();

  function begin(): Informer<T> {
    const informer = make();
    for (const listener of listeners) informer.onChange(listener);
    void informer.start().then(() => {
      wasSynced ||= informer.synced;
    });
    return informer;
  }

  return {
    get store() {
      return current.store;
    },
    get synced() {
      return current.synced;
    },
    get connected() {
      return current.connected;
    },
    get wasSynced() {
      return wasSynced;
    },
    onChange(listener) {
      listeners.push(listener);
      current.onChange(listener);
    },
    renew() {
      const old = current;
      current = begin();
      ending = Promise.all([ending, old.stop()]);
    },
    async stop() {
      await Promise.all([ending, current.stop()]);
    },
  };
}
