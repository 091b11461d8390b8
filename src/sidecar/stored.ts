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
