import type { Logger } from 'pino';
import type { CacheIndex } from './index/index.ts';

/**
 * When entries were last used. A hit only notes it in memory; the index gets the notes of many hits in one write,
 * because a write in each look-up would make looking up as slow as writing. A crash loses the last notes, nothing else.
 */
export class Recency {
  readonly #index: CacheIndex;
  readonly #now: () => number;
  readonly #log: Logger;
  #noted = new Map<string, { tenant: string; at: number }>();
  #writing: Promise<void> = Promise.resolve();

  constructor(index: CacheIndex, now: () => number, log: Logger) {
    this.#index = index;
    this.#now = now;
    this.#log = log;
  }

  note(tenant: string, entryId: string): void {
    this.#noted.set(entryId, { tenant, at: this.#now() });
  }

  /** Everything noted before the call is written when it returns, by it or by a flush that was under way. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const uses = Array.from(this.#noted, ([entryId, use]) => ({ entryId, ...use }));
    if (uses.length === 0) return;
    this.#noted = new Map();
    try {
      await this.#index.touch(uses);
    } catch (error) {
      this.#log.warn({ err: error, entries: uses.length }, 'last uses of cache entries not noted');
    }
  }
}
