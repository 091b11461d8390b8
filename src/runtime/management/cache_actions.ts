import type { Owned } from '../../cache/index/index.ts';
import type { CacheManagement } from '../../cache/manage.ts';
import type {
  CacheUsage,
  DeleteCachesQuery,
  ListCachesQuery,
  ManagedCaches,
  VerifiedCache,
} from '../../protocol/management.ts';
import { problem } from '../problem.ts';
import type { Chosen } from './chosen.ts';
import { asManagedCache, orderOf } from './github_shape.ts';

/** Entries that are sorted anew for a page of several tenants. */
const MOST_MERGED = 10_000;

export async function listCaches(
  cache: CacheManagement,
  { tenants }: Chosen,
  query: ListCachesQuery,
): Promise<ManagedCaches> {
  const { key, ref, page, per_page: perPage } = query;
  const filter = { ...(key === undefined ? {} : { key }), ...(ref === undefined ? {} : { scope: ref }) };
  const offset = (page - 1) * perPage;
  if (tenants.length > 1 && offset > MOST_MERGED)
    throw problem(
      'unprocessable-content',
      'Several namespaces have this repository: name one by ?namespace=.',
    );
  const { total, entries } = await cache.page(tenants, filter, orderOf(query), offset, perPage);
  return { total_count: total, actions_caches: entries.map(asManagedCache) };
}

/** Throws `not-found` when no entry has the key, as GitHub answers. */
export async function removeByKey(
  cache: CacheManagement,
  { tenants }: Chosen,
  { key, ref }: DeleteCachesQuery,
): Promise<ManagedCaches> {
  const found = await cache.withKey(tenants, key, ref);
  if (found.length === 0) throw problem('not-found', 'No entry has this key.');
  const removed: Owned[] = [];
  for (const [tenant, entries] of Map.groupBy(found, (entry) => entry.tenant)) {
    const ids = entries.map((entry) => entry.id);
    removed.push(...(await cache.remove(tenant, ids)));
  }
  return { total_count: removed.length, actions_caches: removed.map(asManagedCache) };
}

/** Throws `not-found` when none of the tenants has it. */
export async function removeById(cache: CacheManagement, { tenants }: Chosen, id: string): Promise<void> {
  for (const tenant of tenants) if ((await cache.remove(tenant, [id])).length > 0) return;
  throw noEntry();
}

/** Throws `not-found` when none of the tenants has it. */
export async function verifyById(
  cache: CacheManagement,
  { tenants }: Chosen,
  id: string,
): Promise<VerifiedCache> {
  for (const tenant of tenants) {
    const { outcome, sizeBytes } = await cache.verify(tenant, id);
    if (outcome !== 'absent') return { outcome, size_in_bytes: sizeBytes };
  }
  throw noEntry();
}

export async function sizeOf(cache: CacheManagement, { fullName, tenants }: Chosen): Promise<CacheUsage> {
  const usages = await Promise.all(tenants.map((tenant) => cache.usage(tenant)));
  return {
    full_name: fullName,
    active_caches_size_in_bytes: usages.reduce((sum, one) => sum + one.sizeBytes, 0),
    active_caches_count: usages.reduce((sum, one) => sum + one.entries, 0),
  };
}

function noEntry() {
  return problem('not-found', 'There is no such entry.');
}
