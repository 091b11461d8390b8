import { CacheRefused } from '../../refused.ts';

/** The status that the service answered an SDK's request with; undefined when it didn't answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } })?.$metadata?.httpStatusCode;
}

/** For `catch`: undefined for an object that is not there; every other error as `unavailable` says it. */
export function absent(error: unknown): undefined {
  if (statusOf(error) !== 404) throw unavailable(error);
}

/**
 * What the caller is told of a store that does not do what was asked, after the SDK has tried it several times: to come
 * again. Of the cause the log gets the words alone, since an error of the SDK may carry requests and answers along.
 */
export function unavailable(error: unknown): CacheRefused {
  const refused = new CacheRefused('unavailable', 'The store of the bytes does not answer as it should.');
  const { name, message } = error as Error;
  refused.cause = new Error(`${name}: ${message}`);
  return refused;
}
