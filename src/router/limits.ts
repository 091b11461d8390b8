/**
 * How long a client may take. A body may take as long as it moves: its api has limits of its own, and tells. Times in
 * milliseconds, sizes in bytes.
 */
export interface RouterLimits {
  /** All headers of a request together; a token is at most 8 KiB. */
  headerBytes: number;
  headersTimeoutMs: number;
  /** A connection on which nothing moves for so long is closed; longer than the api's own. */
  idleSocketTimeoutMs: number;
  /** A kept connection between two requests. */
  keepAliveTimeoutMs: number;
}

export const ROUTER_LIMITS: RouterLimits = {
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  idleSocketTimeoutMs: 60_000,
  keepAliveTimeoutMs: 72_000,
};
