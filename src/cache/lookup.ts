import type { LookupAnswer, LookupRequest } from '../protocol/cache.ts';
import type { Entry, Probe } from './index/index.ts';
import { checkKey, checkVersion } from './key.ts';
import type { CacheParts } from './open.ts';
import { type CacheAccess, readableScopes } from './scope.ts';

/** What is looked for, in order: a scope is searched through, key by key, before the next one. */
export function probes(scopes: readonly string[], keys: readonly string[]): Probe[] {
  return scopes.flatMap((scope) => keys.map((key) => ({ scope, key })));
}

/** Finds what to restore and signs its URL. Throws CacheRefused for bad keys and for a token that may not read. */
export async function lookup(
  { index, recency, urls }: CacheParts,
  access: CacheAccess,
  request: LookupRequest,
): Promise<LookupAnswer> {
  const scopes = readableScopes(access);
  request.keys.forEach(checkKey);
  checkVersion(request.version);
  const entry = await index.find(access.tenant, request.version, probes(scopes, request.keys));
  if (entry === undefined) return { hit: false };
  recency.note(access.tenant, entry.id);
  return { hit: true, ...described(entry), url: urls.entry(access.tenant, entry.id) };
}

/** An entry as the protocol shows it. */
export function described(entry: Entry) {
  return {
    key: entry.key,
    scope: entry.scope,
    version: entry.version,
    sizeBytes: entry.sizeBytes,
    createdAt: new Date(entry.createdAt).toISOString(),
  };
}
