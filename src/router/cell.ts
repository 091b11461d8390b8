import type { Logger } from 'pino';
import { Pool } from 'undici';
import { afterFailure, type Health, isEjected, retryAfterSeconds, SOUND } from './ejection.ts';

export interface CellOptions {
  name: string;
  /** Origin of its api. */
  url: string;
  log: Logger;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
  onFailure: (cell: string, at: Failing) => void;
}

/** At what a cell failed: no connection, no good check, or an answer that did not come, or not whole. */
export type Failing = 'connect' | 'check' | 'answer';

export const CONNECT_TIMEOUT_MS = 3_000;

/** One cell as this process sees it: the connections kept to its api, and how it behaved of late. */
export class Cell {
  readonly name: string;
  readonly url: string;
  readonly pool: Pool;
  readonly #options: CellOptions;
  #health: Health = SOUND;

  constructor(options: CellOptions) {
    this.#options = options;
    this.name = options.name;
    this.url = options.url;
    this.pool = new Pool(options.url, {
      // As many connections as there are requests: one that streams for an hour must not hold up another.
      connections: null,
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      // HTTP/2 has no Upgrade, and the api speaks HTTP/1.1.
      allowH2: false,
    });
  }

  get health(): Health {
    return this.#health;
  }

  get ejected(): boolean {
    return isEjected(this.#health, this.#options.now());
  }

  get retryAfterSeconds(): number {
    return retryAfterSeconds(this.#health, this.#options.now());
  }

  /** It answered something: whatever was wrong is over. */
  answered(): void {
    const { ejections } = this.#health;
    this.#health = SOUND;
    if (ejections > 0) this.#options.log.info({ cell: this.name }, 'the cell is back');
  }

  /** Counts towards its ejection. */
  failed(at: 'connect' | 'check', error: Error & { code?: string }): void {
    const { log, now, onFailure } = this.#options;
    onFailure(this.name, at);
    const before = this.#health;
    this.#health = afterFailure(before, now());
    const reason = error.code ?? error.name;
    if (this.#health.ejections > before.ejections)
      log.warn({ cell: this.name, reason, seconds: this.retryAfterSeconds }, 'the cell is ejected');
    else log.info({ cell: this.name, at, reason }, 'the cell failed');
  }

  /** It was connected, and no whole answer came. */
  brokeOff(error: Error & { code?: string }): void {
    const { log, onFailure } = this.#options;
    onFailure(this.name, 'answer');
    log.info({ cell: this.name, reason: error.code ?? error.name }, 'the cell broke off');
  }

  /** Lets what is under way come to its end. */
  close(): void {
    this.pool.close().catch(() => {});
  }
}
