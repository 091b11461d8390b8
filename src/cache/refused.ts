import type { ProblemCode } from '../protocol/problem.ts';

/** The codes that the cache refuses with. */
export type CacheRefusal = Extract<
  ProblemCode,
  | 'invalid-cache-key'
  | 'invalid-cache-version'
  | 'cache-size-mismatch'
  | 'cache-unknown-part'
  | 'cache-empty-commit'
  | 'cache-entry-exists'
  | 'permission-denied'
  | 'url-signature'
  | 'not-found'
  | 'stale-write'
>;

/** The cache won't do what was asked; nothing was stored or changed. The message is fit for the caller. */
export class CacheRefused extends Error {
  override readonly name = 'CacheRefused';
  readonly code: CacheRefusal;
  constructor(code: CacheRefusal, message: string) {
    super(message);
    this.code = code;
  }
}
