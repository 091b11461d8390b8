import type { CacheAccess } from '../../cache/scope.ts';
import type { GrantedScope, JobIdentity } from '../../credentials/job_token.ts';
import { EVERY_OTHER_SCOPE, type Permission } from '../../resources/pool_cache.ts';
import { repositoryTenant } from '../../tokens/cache_tenant.ts';

/**
 * What a job may do with the cache: in the repository that its forge names, in the scopes that it grants and in their
 * order. What the pool says of a scope, by name or by `*`, can only take away: both must allow it. A scope of the
 * pool that the forge does not grant is nothing to the job. Pure.
 */
export function accessOfJob(pool: CacheAccess, job: JobIdentity): CacheAccess {
  const said = new Map(pool.scopes.map(({ name, permission }) => [name, permission]));
  const scopes = job.scopes.flatMap((scope) => {
    const permission = inBoth(scope, said.get(scope.name) ?? said.get(EVERY_OTHER_SCOPE));
    return permission === undefined ? [] : [{ name: scope.name, permission }];
  });
  return { ...pool, tenant: repositoryTenant(pool.tenant, job.repositoryId), scopes };
}

function inBoth({ read, write }: GrantedScope, pool: Permission = 'ReadWrite'): Permission | undefined {
  const mayRead = read && pool !== 'Write';
  const mayWrite = write && pool !== 'Read';
  if (mayRead && mayWrite) return 'ReadWrite';
  if (mayRead) return 'Read';
  return mayWrite ? 'Write' : undefined;
}
