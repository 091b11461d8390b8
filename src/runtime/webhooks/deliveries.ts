import type { Clock } from '../../tokens/clock.ts';

/** How long a delivery is known, in ms. */
const KNOWN_FOR = 3_600_000;
/** No more are known than that: of a forge that sends more in an hour the oldest are forgotten, which harms nobody. */
const MOST = 50_000;

/** The genuine deliveries of the last hour, so that one which is repeated is not told twice. */
export class Deliveries {
  readonly #now: Clock;
  /** Oldest first. */
  readonly #done = new Map<string, number>();
  readonly #pending = new Map<string, Promise<void>>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /**
   * Does the work of a delivery unless it is done already; one that is under way is joined. A work that fails is done
   * again when the delivery is repeated.
   */
  once(
    pool: string,
    delivery: string,
    work: () => Promise<void>,
  ): { repeated: boolean; done: Promise<void> } {
    const key = `${pool} ${delivery}`;
    this.#forget();
    if (this.#done.has(key)) return { repeated: true, done: Promise.resolve() };
    const pending = this.#pending.get(key);
    if (pending !== undefined) return { repeated: true, done: pending };
    const done = work().then(
      () => {
        this.#pending.delete(key);
        this.#done.set(key, this.#now());
      },
      (error: unknown) => {
        this.#pending.delete(key);
        throw error;
      },
    );
    this.#pending.set(key, done);
    return { repeated: false, done };
  }

  #forget(): void {
    const before = this.#now() - KNOWN_FOR;
    for (const [key, at] of this.#done) {
      if (at > before && this.#done.size <= MOST) return;
      this.#done.delete(key);
    }
  }
}
