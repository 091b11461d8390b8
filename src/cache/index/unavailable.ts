/**
 * The index can't be reached, or can't answer in time. Nothing is known of what was being written: it happened whole or
 * not at all. The api answers 503 by `statusCode`, as any error's; the cause stays in its log.
 */
export class IndexUnavailable extends Error {
  override readonly name = 'IndexUnavailable';
  readonly statusCode = 503;
  constructor(cause: unknown) {
    super("The cache's index cannot be reached now; retry.", { cause });
  }
}
