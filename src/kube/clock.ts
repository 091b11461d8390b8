/** Time, so that tests can turn it. */
export interface Clock {
  /** Monotonic milliseconds, for durations: the wall clock may step. */
  now(): number;
  /** The wall clock, for what is written into objects. */
  date(): Date;
  /** Calls back once after so many milliseconds; the result cancels it. */
  after(ms: number, call: () => void): () => void;
}

/** Beyond it setTimeout fires at once (Node's timers are 32 bits). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many milliseconds of the clock, or as soon as the signal aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', wake);
      resolve();
    });
    const wake = () => {
      cancel();
      resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
  });
}
