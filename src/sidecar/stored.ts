import type { ServerResponse } from 'node:http';

/** What a store answers to a GET: its head, and the body still on the wire. */
export interface Stored {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Streams the body into a response whose head is written, and ends it; rejects when either side breaks off. */
  relay(response: ServerResponse): Promise<void>;
  /** Lets go of the body. */
  drop(): void;
}

/**
 * Is given a chunk, which is good until it calls `done`; the store is not read much further until then. What it throws
 * ends the body.
 */
export type Take = (chunk: Buffer, done: () => void) => void;

/** As Stored, for who looks at the bytes. */
export interface Body extends Stored {
  /**
   * Gives the whole body away, chunk by chunk; rejects when it ends early.
   *
   * @param patience How long the store may send nothing while we wait for it, in ms.
   */
  pour(take: Take, patience?: number): Promise<void>;
}
