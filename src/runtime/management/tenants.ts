/** Whose cache entries a tenant's are, as people call them. */
export interface TenantName {
  namespace: string;
  kind: 'repository' | 'pool';
  /**
   * `owner/repository` (with more slashes where the forge has groups in groups), or the pool's name: with `#` and the
   * repository's id where jobs say which they are of.
   */
  name: string;
  /** The forge's, of a repository. */
  host?: string;
}

/**
 * Takes apart what tokens/cache_tenant.ts puts together; pure. Undefined for a tenant that is none of these
 * namespaces', such as a visitor's, which begins with its issuer's URL.
 */
export function tenantName(tenant: string, namespaces: readonly string[]): TenantName | undefined {
  const [namespace = '', second = '', ...rest] = tenant.split('/');
  if (!namespaces.includes(namespace) || second === '') return undefined;
  if (rest.length === 0) return { namespace, kind: 'pool', name: second };
  // Where jobs say which repository they are of, its id is there as well.
  return { namespace, kind: 'repository', name: rest.join('/').replace(/#.*$/, ''), host: second };
}

/** The tenants of a repository, in whichever of the namespaces and at whichever forge; pure. */
export function tenantsOfRepository(
  repository: string,
  tenants: Iterable<string>,
  namespaces: readonly string[],
): string[] {
  const found = new Set<string>();
  for (const tenant of tenants) {
    const said = tenantName(tenant, namespaces);
    if (said?.kind === 'repository' && said.name === repository) found.add(tenant);
  }
  return [...found].sort();
}

/** The tenant of a pool that serves no single repository. */
export function tenantOfPool(namespace: string, pool: string): string {
  return `${namespace}/${pool}`;
}

/** The same, and those of the repositories whose jobs said so; pure. */
export function tenantsOfPool(namespace: string, pool: string, tenants: Iterable<string>): string[] {
  const own = tenantOfPool(namespace, pool);
  const found = new Set([own]);
  for (const tenant of tenants) if (tenant.startsWith(`${own}#`)) found.add(tenant);
  return [...found].sort();
}
