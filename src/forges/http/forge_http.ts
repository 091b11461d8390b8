import type { z } from 'zod';

/** One call of a forge's HTTP API. */
export interface ForgeCall<T> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base URL, with a leading slash; a full URL only where the forge gave it (a Link header), and of the same origin. */
  path: string;
  query?: Readonly<Record<string, string | number | undefined>>;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** What a 2xx answer must be; an answer that is no such JSON rejects as Unreadable. `z.undefined()` takes an empty one. */
  answer: z.ZodType<T>;
  /** What is being done, for messages: "list the runners of acme". */
  doing: string;
  /** May be repeated when no answer came, with pauses and jitter; GET and DELETE always may. */
  repeatable?: boolean;
  /** Sends If-None-Match with what was answered before and takes 304 for it; GET only. */
  conditional?: boolean;
}

export interface ForgeAnswer<T> {
  status: number;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  value: T;
}

/**
 * The one way to a pool's forge: guards where the URL leads, keeps connections, trusts the pool's CA, goes by its proxy,
 * holds calls back while the forge's own headers say so, and rejects with ForgeError and nothing else.
 */
export interface ForgeHttp {
  call<T>(call: ForgeCall<T>): Promise<ForgeAnswer<T>>;
  close(): Promise<void>;
}
