import type { EntityScope } from '../../resources/entity.ts';

/**
 * Whether what the token's runners serve lies within what the pool's do: a token never widens its pool; pure. Which
 * organizations an enterprise has only its forge knows: nothing but itself counts as within it.
 */
export function scopeWithin(scope: EntityScope | undefined, pool: EntityScope | undefined): boolean {
  if (scope === undefined || pool === undefined || pool.type === 'instance') return true;
  if (scope.type === pool.type) return scope.name === pool.name;
  return pool.type === 'organization' && scope.type === 'repository' && ownerOf(scope) === pool.name;
}

/** The organization of a repository, `owner` of owner/repository; in GitLab's nested groups all but the last part. An enterprise is none. */
export function ownerOf({ type, name }: EntityScope): string | undefined {
  if (type === 'enterprise') return undefined;
  if (type !== 'repository') return name;
  const at = name?.lastIndexOf('/') ?? -1;
  return at < 0 ? undefined : name?.slice(0, at);
}
