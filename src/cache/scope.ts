import type { Permission } from '../resources/runner_pool.ts';
import { CacheRefused } from './refused.ts';

/** What a runner may do with the cache, from its token's verified claims and from nothing else. */
export interface CacheAccess {
  readonly enabled: boolean;
  /** Whose entries; part of every query. */
  readonly tenant: string;
  /** `<namespace>/<name>` of the runner's pool, which what it saves is counted for; a visitor's names its issuer too. */
  readonly pool: string;
  readonly scopes: readonly { readonly name: string; readonly permission: Permission }[];
}

/**
 * The scopes to look in, in the token's order. Throws `permission-denied` when there are none; its message starts
 * with the words by which stock clients know a denial from a fault.
 */
export function readableScopes(access: CacheAccess): string[] {
  const names = access.enabled
    ? access.scopes.filter((scope) => scope.permission !== 'Write').map((scope) => scope.name)
    : [];
  if (names.length > 0) return names;
  throw new CacheRefused(
    'permission-denied',
    `cache read denied: ${access.enabled ? 'the token may read no scope' : "the pool's cache is disabled"}`,
  );
}

/** The scope that saves go to: the first that may be written. Throws `permission-denied` when there is none. */
export function writableScope(access: CacheAccess): string {
  const found = access.enabled ? access.scopes.find((scope) => scope.permission !== 'Read') : undefined;
  if (found !== undefined) return found.name;
  throw new CacheRefused(
    'permission-denied',
    `cache write denied: ${access.enabled ? 'the token may write no scope' : "the pool's cache is disabled"}`,
  );
}
