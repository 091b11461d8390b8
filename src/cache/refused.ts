import type { ProblemCode } from '../protocol/problem.ts';

/** The codes that the cache, and the artifacts beside it, refuse with. */
export type CacheRefusal = Extract<
  ProblemCode,
  | 'invalid-cache-key'
  | 'invalid-cache-version'
  | 'cache-size-mismatch'
  | 'cache-checksum-mismatch'
  | 'cache-store-full'
  | 'cache-entry-too-large'
  | 'cache-unknown-part'
  | 'cache-empty-commit'
  | 'cache-entry-exists'
  | 'permission-denied'
  | 'url-signature'
  | 'not-found'
  | 'stale-write'
  | 'invalid-artifact'
  | 'artifact-exists'
  | 'artifact-quota'
  | 'too-many-requests'
  | 'unavailable'
>;

/** The cache won't do what was asked; nothing was stored or changed. The message is fit for the caller. */
export class CacheRefused extends Error {
  override readonly name = 'CacheRefused';
  readonly code: CacheRefusal;
  /** Milliseconds after which the same may be granted, where that is known. */
  readonly retryAfterMs: number | undefined;
  constructor(code: CacheRefusal, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}
