import type { Clock } from '../../src/kube/clock.ts';

/** A clock that stands still until it is turned; timers fire in the order of their times. */
export function manualClock(start = Date.parse('2026-01-01T00:00:00Z')) {
  let now = 0;
  let serial = 0;
  const timers = new Map<number, { at: number; call: () => void }>();

  function due(until: number): number | undefined {
    let first: number | undefined;
    for (const [id, timer] of timers) {
      const best = first === undefined ? undefined : timers.get(first);
      if (timer.at <= until && (best === undefined || timer.at < best.at)) first = id;
    }
    return first;
  }

  const clock: Clock = {
    now: () => now,
    date: () => new Date(start + now),
    after(ms, call) {
      const id = serial++;
      timers.set(id, { at: now + ms, call });
      return () => void timers.delete(id);
    },
  };

  return {
    clock,
    get timers(): number {
      return timers.size;
    },
    /** Turns the clock on, firing what falls due on the way. */
    turn(ms: number): void {
      const until = now + ms;
      for (let id = due(until); id !== undefined; id = due(until)) {
        const timer = timers.get(id);
        timers.delete(id);
        if (timer === undefined) continue;
        now = Math.max(now, timer.at);
        timer.call();
      }
      now = until;
    },
    /** The same, letting promises settle after each step of `step` milliseconds. */
    async turnSlowly(ms: number, step = 50): Promise<void> {
      for (let gone = 0; gone < ms; gone += step) {
        this.turn(Math.min(step, ms - gone));
        for (let i = 0; i < 20; i++) await Promise.resolve();
      }
    },
  };
}
