import type { CacheManagement } from '../../cache/manage.ts';
import { problem } from '../problem.ts';
import type { Manager } from './managers.ts';
import type { Right } from './rights.ts';
import { tenantsOfPool, tenantsOfRepository } from './tenants.ts';

/** Whose entries a request is about. */
export interface Chosen {
  fullName: string;
  /** None where the caller may do it, but nothing of that name is there. */
  tenants: string[];
}

/** What of a request decides whose entries it is about; never a tenant itself. */
export interface Wanted {
  manager: Manager;
  right: Right;
  /** The path's parameters. */
  params: Record<string, string>;
  /** This namespace alone. */
  namespace: string | undefined;
}

/** The tenants of `owner/repo` in the namespaces where the caller has the right: every query is bound to them. */
export async function ofRepository(
  cache: Pick<CacheManagement, 'usages'>,
  { manager, right, params, namespace }: Wanted,
): Promise<Chosen> {
  const allowed = await manager.namespaces(right);
  const namespaces = namespace === undefined ? allowed : allowed.filter((one) => one === namespace);
  if (namespaces.length === 0) throw notAllowed(right);
  const fullName = `${params.owner}/${params.repo}`;
  const tenants = (await cache.usages()).map(({ tenant }) => tenant);
  return { fullName, tenants: tenantsOfRepository(fullName, tenants, namespaces) };
}

/** The tenants of a pool that serves no single repository, where the caller has the right in its namespace. */
export async function ofPool(
  cache: Pick<CacheManagement, 'usages'>,
  { manager, right, params: { namespace = '', pool = '' } }: Wanted,
): Promise<Chosen> {
  if (!(await manager.namespaces(right)).includes(namespace)) throw notAllowed(right);
  const tenants = (await cache.usages()).map(({ tenant }) => tenant);
  return { fullName: `${namespace}/${pool}`, tenants: tenantsOfPool(namespace, pool, tenants) };
}

export function notAllowed(right: Right) {
  const verb = right === 'delete-caches' ? 'delete' : 'get';
  return problem('permission-denied', `This takes the right to ${verb} runnerpools/caches there.`);
}
