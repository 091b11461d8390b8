import type { Owned, PageOrder } from '../../cache/index/index.ts';
import type { CacheSort, ListCachesQuery, ManagedCache } from '../../protocol/management.ts';

/** An entry as GitHub's REST API shows it, and whose runner saved it; pure. */
export function asManagedCache(entry: Owned): ManagedCache {
  return {
    id: Number(entry.id),
    ref: entry.scope,
    key: entry.key,
    version: entry.version,
    last_accessed_at: new Date(entry.lastUsedAt).toISOString(),
    created_at: new Date(entry.createdAt).toISOString(),
    size_in_bytes: entry.sizeBytes,
    pool: entry.pool,
  };
}

const SORTS: Record<CacheSort, PageOrder['by']> = {
  created_at: 'createdAt',
  last_accessed_at: 'lastUsedAt',
  size_in_bytes: 'sizeBytes',
};

export function orderOf({ sort, direction }: Pick<ListCachesQuery, 'sort' | 'direction'>): PageOrder {
  return { by: SORTS[sort], descending: direction === 'desc' };
}

/**
 * The pages around this one, as a Link header (RFC 8288); undefined when there is but one; pure. The references are
 * relative: under which name people reach the api, only they know.
 */
export function pageLinks(
  url: string,
  { page, perPage, total }: { page: number; perPage: number; total: number },
): string | undefined {
  const last = Math.max(1, Math.ceil(total / perPage));
  const [path = '', query = ''] = url.split('?', 2);
  const link = (to: number, rel: string) => {
    const parameters = new URLSearchParams(query);
    parameters.set('page', String(to));
    return `<${path}?${parameters}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(Math.min(page - 1, last), 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  return links.length === 0 ? undefined : links.join(', ');
}
