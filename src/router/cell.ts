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
  /** A request or a check that the cell did not answer. */
  onFailure: (cell: string, by: 'request' | 'check') => void;
}

const CONNECT_TIMEOUT_MS = 3_000;

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

  failed(by: 'request' | 'check', error: Error & { code?: string }): void {
    const { log, now, onFailure } = this.#options;
    onFailure(this.name, by);
    const before = this.#health;
    this.#health = afterFailure(before, now());
    const reason = error.code ?? error.name;
    if (this.#health.ejections > before.ejections)
      log.warn({ cell: this.name, reason, seconds: this.retryAfterSeconds }, 'the cell is ejected');
    else log.info({ cell: this.name, by, reason }, 'the cell failed');
  }

  /** Lets what is under way come to its end. */
  close(): void {
    this.pool.close().catch(() => {});
  }
}
