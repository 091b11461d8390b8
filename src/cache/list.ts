import type { EntriesAnswer } from '../protocol/cache.ts';
import { described } from './lookup.ts';
import type { CacheParts } from './open.ts';
import { type CacheAccess, readableScopes } from './scope.ts';

/** Entries in one answer; `totalCount` counts the rest too. */
const LIMIT = 100;

/** The readable entries whose keys begin with `prefix` (all for an empty one), newest first. */
export async function list(
  { index }: CacheParts,
  access: CacheAccess,
  prefix: string,
): Promise<EntriesAnswer> {
  const { total, entries } = await index.list(access.tenant, readableScopes(access), prefix, LIMIT);
  return { totalCount: total, entries: entries.map(described) };
}
