import type { Logger } from 'pino';

export interface PulseOptions {
  /** Asks the apiserver for something small; rejects when it doesn't answer. */
  beat(signal: AbortSignal): Promise<unknown>;
  /** Monotonic milliseconds. */
  monotonic?: () => number;
  /**
   * Called when the apiserver is heard again after it wasn't, before `heard` says so: what was watched meanwhile is not
   * to be believed.
   */
  onGap?: () => void;
  log: Logger;
  everyMs?: number;
  /** How old the question of the last answer may be, in ms. */
  freshMs?: number;
}

export interface Pulse {
  /** Whether the apiserver answered a question put within the last `freshMs`. */
  heard(): boolean;
  stop(): void;
}

/**
 * Tells a cluster where nothing happens from one that can't be heard. A watch whose packets vanish, without a reset,
 * is silent for a minute and a half before the informer takes it for broken (bookmarks come once a minute), and for
 * so long a deleted runner's token would be good. Five small reads in two seconds bound that to `freshMs`.
 */
export function startPulse(options: PulseOptions): Pulse {
  const { beat, log, monotonic = () => performance.now(), everyMs = 400, freshMs = 1_200 } = options;
  const stopping = new AbortController();
  let last = Number.NEGATIVE_INFINITY;
  let lost = false;

  async function once(): Promise<void> {
    const asked = monotonic();
    try {
      await beat(AbortSignal.any([stopping.signal, AbortSignal.timeout(freshMs)]));
      if (last !== Number.NEGATIVE_INFINITY && monotonic() - last >= freshMs) options.onGap?.();
      // From the question on, not from the answer: what happened in between may be missing in it.
      last = Math.max(last, asked);
      if (lost) log.info('the apiserver answers again');
      lost = false;
    } catch (err) {
      if (!lost && !stopping.signal.aborted) log.warn({ err }, 'the apiserver does not answer');
      lost = true;
    }
  }

  void once();
  // Not one after the other: a question that hangs must not keep the next from being asked.
  const timer = setInterval(() => void once(), everyMs);
  return {
    heard: () => monotonic() - last < freshMs,
    stop() {
      clearInterval(timer);
      stopping.abort();
    },
  };
}
