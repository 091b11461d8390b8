import type { Limit } from '../concurrency/limit.ts';

/** Does `work` for every item within the limit, and tells of each how it went; never rejects. */
export async function inParallel<T>(
  items: readonly T[],
  limit: Limit,
  work: (item: T) => Promise<void>,
): Promise<{ done: T[]; errors: unknown[] }> {
  const results = await Promise.allSettled(items.map((item) => limit(() => work(item))));
  return {
    done: items.filter((_, index) => results[index]?.status === 'fulfilled'),
    errors: results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : [])),
  };
}
