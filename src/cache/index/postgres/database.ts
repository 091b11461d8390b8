import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { IndexUnavailable } from '../unavailable.ts';
import { connectionConfig } from './connection_config.ts';
import { failureOf } from './failure.ts';
import type { PostgresOptions } from './options.ts';

/** How often a transaction is tried that loses against others. */
const TRIES = 10;

export interface Statement {
  readonly text: string;
  /** Has the server keep the plan, for what is asked often. One name, one text. */
  readonly name?: string;
}

export interface Answer<Row> {
  readonly rows: Row[];
  /** Rows that were written or answered. */
  readonly count: number;
}

export type Query = <Row extends object>(statement: Statement, ...values: unknown[]) => Promise<Answer<Row>>;

/** Connections to the server, and what is done when one of them fails. Throws IndexUnavailable. */
export class PostgresDatabase {
  /** Quoted, to stand before the names of tables. */
  readonly schema: string;
  readonly schemaName: string;
  readonly #pool: pg.Pool;

  constructor(options: PostgresOptions, log: Logger) {
    this.schemaName = options.schema;
    this.schema = pg.escapeIdentifier(options.schema);
    this.#pool = new pg.Pool(connectionConfig(options));
    // A connection that breaks while nothing is asked of it tells so by this event alone, which else ends the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
    this.#pool.on('error', (error) => log.warn({ err: error }, 'a connection of the cache index broke'));
  }

  /** A statement that changes nothing: asked again, once, when its connection was dead since its last use. */
  async read<Row extends object>(statement: Statement, ...values: unknown[]): Promise<Row[]> {
    try {
      return (await this.#query<Row>(this.#pool, statement, values)).rows;
    } catch (error) {
      if (!(error instanceof IndexUnavailable)) throw error;
      return (await this.#query<Row>(this.#pool, statement, values)).rows;
    }
  }

  /** A statement that is a transaction of its own. */
  write<Row extends object>(statement: Statement, ...values: unknown[]): Promise<Answer<Row>> {
    return again(() => this.#query<Row>(this.#pool, statement, values));
  }

  /** All that `work` asks is done, or nothing of it. It may be run several times. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return again(() => this.#once(work));
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #once<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw new IndexUnavailable(error);
    });
    const query: Query = (statement, ...values) => this.#query(client, statement, values);
    let broken = true;
    try {
      await query({ text: 'BEGIN' });
      const result = await work(query);
      await query({ text: 'COMMIT' });
      broken = false;
      return result;
    } catch (error) {
      if (!(error instanceof IndexUnavailable)) {
        broken = await query({ text: 'ROLLBACK' }).then(
          () => false,
          () => true,
        );
      }
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async #query<Row extends object>(
    on: Pick<pg.PoolClient, 'query'> | pg.Pool,
    { text, name }: Statement,
    values: unknown[],
  ): Promise<Answer<Row>> {
    try {
      const { rows, rowCount } = await on.query<Row>({
        text,
        values,
        ...(name === undefined ? {} : { name }),
      });
      return { rows, count: rowCount ?? 0 };
    } catch (error) {
      throw failureOf(error) === 'unavailable' ? new IndexUnavailable(error) : error;
    }
  }
}

/** Pauses grow and are drawn by lot, so that those who met don't meet again. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof IndexUnavailable || failureOf(error) !== 'again') throw error;
      if (tries === TRIES) throw new IndexUnavailable(error);
      await pause(Math.random() * 2 ** tries);
    }
  }
}
