import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheIndex } from '../index/index.ts';
import type { Integrity } from './integrity.ts';
import { allEntries } from './verify.ts';

const MIB = 1024 * 1024;
/** A round over all entries begins at most so often, in ms. */
const ROUND_EVERY = 24 * 3600_000;
/** How often the bound is looked at while bytes are read, in ms. */
const STRIDE = 250;

export interface ScrubOptions {
  readonly index: CacheIndex;
  readonly integrity: Integrity;
  /** The most that is read, in MiB a second. */
  readonly mebibytesPerSecond: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Reads all entries again and again, slowly, so that bytes that rot are known before somebody wants them. */
export class Scrub {
  readonly #options: ScrubOptions;
  readonly #stopped = new AbortController();
  #roundBegan = Number.NEGATIVE_INFINITY;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  /** One round, if it is time for it; answers how many entries were read. */
  async round(): Promise<number> {
    const { index, integrity, now } = this.#options;
    if (now() - this.#roundBegan < ROUND_EVERY) return 0;
    this.#roundBegan = now();
    let read = 0;
    for await (const entry of allEntries(index)) {
      if (this.#stopped.signal.aborted) break;
      const onBytes = this.#bound();
      await integrity.examine(entry.tenant, entry.id, 'scrub', { thorough: true, onBytes });
      read++;
    }
    return read;
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Holds back whoever reads more than is allowed, a stride at a time. */
  #bound(): (count: number) => Promise<void> | void {
    const allowed = (this.#options.mebibytesPerSecond * MIB * STRIDE) / 1000;
    let since = 0;
    return (count) => {
      since += count;
      if (since < allowed) return;
      const pause = (since / allowed) * STRIDE;
      since = 0;
      return sleep(pause, undefined, { signal: this.#stopped.signal, ref: false });
    };
  }
}
