import { type CacheSort, type ManagedCache, managedCaches } from '../../protocol/management.ts';
import type { Option } from '../command.ts';
import type { AskedApi } from './ask_api.ts';
import type { Whose } from './whose.ts';

export const WHICH_OPTIONS = {
  key: { type: 'string', value: 'KEY', help: 'entries with this key, or whose keys begin with it' },
  ref: { type: 'string', value: 'REF', help: 'entries of this scope, such as refs/heads/main' },
} as const satisfies Record<string, Option>;

export interface Which {
  key?: string | undefined;
  ref?: string | undefined;
  sort?: CacheSort | undefined;
  ascending?: boolean;
  /** At most so many; all when absent. */
  limit?: number | undefined;
}

const PER_PAGE = 100;

/** Reads page after page. Entries that come and go meanwhile may be missed, but none is there twice. */
export async function readCaches(
  api: AskedApi,
  whose: Whose,
  { key, ref, sort = 'last_accessed_at', ascending = false, limit = Number.POSITIVE_INFINITY }: Which,
): Promise<{ total: number; caches: ManagedCache[] }> {
  const found = new Map<number, ManagedCache>();
  for (let page = 1; ; page++) {
    const answer = await api.ask(
      {
        path: `${whose.path}/caches`,
        query: {
          ...whose.query,
          key,
          ref,
          sort,
          direction: ascending ? 'asc' : 'desc',
          per_page: String(PER_PAGE),
          page: String(page),
        },
      },
      managedCaches,
    );
    for (const one of answer.actions_caches) found.set(one.id, one);
    if (answer.actions_caches.length < PER_PAGE || found.size >= limit)
      return { total: answer.total_count, caches: [...found.values()].slice(0, limit) };
  }
}
