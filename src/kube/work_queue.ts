import { type Clock, systemClock } from './clock.ts';

/** Pauses after failures of one key, in milliseconds: `least`, doubled by each failure, `most` in the end. */
export interface RetryPauses {
  least: number;
  most: number;
}

/**
 * Keys of work to do, after client-go's workqueue (rules, not text): a key waits at most once however often it was
 * added; a key added while it is being worked on waits again only once that has ended, so that no two workers hold the
 * same key; each key has its own back-off.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key after so many milliseconds; of several such wishes the earliest counts. */
  addAfter(key: string, ms: number): void;
  /** Adds the key after its back-off, which doubles until `forget`. Returns the pause in milliseconds. */
  addRateLimited(key: string): number;
  /** Ends the key's back-off: its work succeeded. */
  forget(key: string): void;
  /** The next key, which is then held until `done`; undefined once the queue was stopped. */
  take(): Promise<string | undefined>;
  done(key: string): void;
  /** Keys that wait for a worker now. */
  readonly depth: number;
  /** Keys that wait for their time. */
  readonly delayed: number;
  /**
   * Takes no more keys and hands no more out; resolves when those held are done. What waits is dropped: whoever works
   * next starts from a list of everything.
   */
  stop(): Promise<void>;
}

export function createWorkQueue(
  options: { clock?: Clock; pauses?: RetryPauses; onDepth?: (depth: number) => void } = {},
): WorkQueue {
  const { clock = systemClock, pauses = { least: 5, most: 60_000 }, onDepth = () => undefined } = options;
  const waiting = new Set<string>();
  const held = new Set<string>();
  const heldAndDirty = new Set<string>();
  const delays = new Map<string, { at: number; cancel: () => void }>();
  const failures = new Map<string, number>();
  const takers: ((key: string | undefined) => void)[] = [];
  const drained = Promise.withResolvers<void>();
  let stopped = false;

  function add(key: string): void {
    if (stopped) return;
    if (held.has(key)) {
      heldAndDirty.add(key);
      return;
    }
    waiting.add(key);
    serve();
  }

  function serve(): void {
    for (const key of waiting) {
      const taker = takers.shift();
      if (taker === undefined) break;
      waiting.delete(key);
      held.add(key);
      taker(key);
    }
    onDepth(waiting.size);
  }

  function addAfter(key: string, ms: number): void {
    if (stopped) return;
    if (!(ms > 0)) {
      add(key);
      return;
    }
    const at = clock.now() + ms;
    const planned = delays.get(key);
    if (planned !== undefined) {
      if (planned.at <= at) return;
      planned.cancel();
    }
    const cancel = clock.after(ms, () => {
      delays.delete(key);
      add(key);
    });
    delays.set(key, { at, cancel });
  }

  return {
    add,
    addAfter,
    addRateLimited(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const pause = Math.min(pauses.most, pauses.least * 2 ** Math.min(count, 40));
      addAfter(key, pause);
      return pause;
    },
    forget(key) {
      failures.delete(key);
    },
    take() {
      return new Promise((resolve) => {
        if (stopped) return resolve(undefined);
        takers.push(resolve);
        serve();
      });
    },
    done(key) {
      held.delete(key);
      if (heldAndDirty.delete(key)) add(key);
      if (stopped && held.size === 0) drained.resolve();
    },
    get depth() {
      return waiting.size;
    },
    get delayed() {
      return delays.size;
    },
    stop() {
      stopped = true;
      for (const { cancel } of delays.values()) cancel();
      for (const taker of takers.splice(0)) taker(undefined);
      for (const keys of [delays, waiting, heldAndDirty, failures]) keys.clear();
      onDepth(0);
      if (held.size === 0) drained.resolve();
      return drained.promise;
    },
  };
}
