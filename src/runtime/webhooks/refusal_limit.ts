import type { Clock } from '../../tokens/clock.ts';

/** So many keys are counted at once; of more the oldest are forgotten. */
const MOST_KEYS = 10_000;

/**
 * How often somebody was refused within a window of time. Only refusals count, so that no number of genuine webhooks is
 * ever too many: a forge switches a webhook off that is refused again and again.
 */
export class RefusalLimit {
  readonly #most: number;
  readonly #windowMs: number;
  readonly #now: Clock;
  readonly #windows = new Map<string, { ends: number; refused: number }>();

  constructor(most: number, windowMs: number, now: Clock) {
    this.#most = most;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** Seconds after which it may come again; undefined for now. */
  retryAfter(key: string): number | undefined {
    const window = this.#windows.get(key);
    const left = (window?.ends ?? 0) - this.#now();
    if (window === undefined || left <= 0 || window.refused < this.#most) return undefined;
    return Math.ceil(left / 1000);
  }

  count(key: string): void {
    const window = this.#windows.get(key);
    if (window !== undefined && window.ends > this.#now()) {
      window.refused++;
      return;
    }
    this.#windows.delete(key);
    this.#windows.set(key, { ends: this.#now() + this.#windowMs, refused: 1 });
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size <= MOST_KEYS) return;
      this.#windows.delete(oldest);
    }
  }
}
