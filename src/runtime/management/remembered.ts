import type { Clock } from '../../tokens/clock.ts';

/**
 * Answers kept for a while, those under way included, so that a burst of questions is one. A question that failed is
 * forgotten at once. At most `most` are kept: the oldest go first.
 */
export class Remembered<V> {
  readonly #forMs: number;
  readonly #most: number;
  readonly #now: Clock;
  readonly #answers = new Map<string, { until: number; answer: Promise<V> }>();

  constructor({ forMs, most, now }: { forMs: number; most: number; now: Clock }) {
    this.#forMs = forMs;
    this.#most = most;
    this.#now = now;
  }

  get(key: string, ask: () => Promise<V>): Promise<V> {
    const known = this.#answers.get(key);
    if (known !== undefined && known.until > this.#now()) return known.answer;
    const answer = ask();
    // From the question on, not from the answer: what is taken back in between must not live longer for it.
    const kept = { until: this.#now() + this.#forMs, answer };
    this.#answers.delete(key);
    this.#answers.set(key, kept);
    answer.catch(() => {
      if (this.#answers.get(key) === kept) this.#answers.delete(key);
    });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#most) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }
}
