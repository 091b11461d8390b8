import type { EntityScope } from '../resources/entity.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';

/**
 * Whose cache entries a pool's runners see. Pools of one repository in one namespace share theirs, whatever they are
 * called and run on; every other pool has its own. By name and not by UID: entries outlive a pool that is deleted and
 * applied again, and whoever may make a pool in a namespace may read what that namespace's jobs left. No two kinds of
 * tenant meet, since neither a namespace nor a pool's name has a slash in it.
 */
export function cacheTenant(
  pool: RunnerPool,
  scope: EntityScope | undefined = pool.spec.forge.scope,
): string {
  const { namespace, name } = pool.metadata;
  const { url } = pool.spec.forge;
  if (url === undefined || scope?.type !== 'repository' || scope.name === undefined)
    return `${namespace}/${name}`;
  // No forge has such a name. With it a pool could name what is the tenant of another repository's jobs.
  const repository = scope.name.replaceAll('#', '%23');
  return `${namespace}/${new URL(url).host}/${repository}`;
}

/** The part of a tenant that jobs of one repository have, by the id that their forge signed (decimal digits). */
export function repositoryTenant(tenant: string, repositoryId: string): string {
  return `${tenant}#${repositoryId}`;
}
