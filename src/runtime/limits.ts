/** How much of the api one caller may take. Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Largest body of a control message; routes that carry cache bytes set their own. */
  controlBodyBytes: number;
  /** All headers of a request together. A token is at most 8 KiB. */
  headerBytes: number;
  headersTimeoutMs: number;
  /** From a request's first byte to its last, for every route: bounded by the largest part on a slow line. */
  requestTimeoutMs: number;
  /** A socket on which nothing moves for so long is closed. */
  idleSocketTimeoutMs: number;
  /** A kept connection between two requests. */
  keepAliveTimeoutMs: number;
  /** Event loop delay above which requests are put off with 503; 0 for never. */
  maxEventLoopDelayMs: number;
  /** Requests a second of one runner (by jti), over all routes; 0 for no limit. */
  requestsPerSecond: number;
}

export const DEFAULT_LIMITS: Limits = {
  controlBodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
  idleSocketTimeoutMs: 30_000,
  keepAliveTimeoutMs: 72_000,
  maxEventLoopDelayMs: 1_000,
  requestsPerSecond: 0,
};
