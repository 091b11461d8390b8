/** Gives the place back; may be called again without effect. */
export type Leave = () => void;

/** Room for so many bodies in memory at once; others wait before they are read, in the order in which they came. */
export class BodyRoom {
  #free: number;
  readonly #mostWaiting: number;
  readonly #waiting = new Set<(leave: Leave) => void>();

  constructor(places: number, mostWaiting: number) {
    this.#free = places;
    this.#mostWaiting = mostWaiting;
  }

  /** Undefined when too many wait already, or when `signal` ends the wait. */
  enter(signal: AbortSignal): Promise<Leave | undefined> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(this.#leave());
    }
    if (this.#waiting.size >= this.#mostWaiting || signal.aborted) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Leave | undefined>();
    this.#waiting.add(resolve);
    signal.addEventListener('abort', () => {
      if (this.#waiting.delete(resolve)) resolve(undefined);
    });
    return promise;
  }

  #leave(): Leave {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      if (next === undefined) this.#free++;
      else {
        this.#waiting.delete(next);
        next(this.#leave());
      }
    };
  }
}
