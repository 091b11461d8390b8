import type { LookupAnswer, LookupRequest } from '../protocol/cache.ts';
import { partsOf } from './blobs/signed_url.ts';
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
  { index, blobs, integrity, recency, urls }: CacheParts,
  access: CacheAccess,
  request: LookupRequest,
): Promise<LookupAnswer> {
  const scopes = readableScopes(access);
  request.keys.forEach(checkKey);
  checkVersion(request.version);
  const { tenant } = access;
  const wanted = probes(scopes, request.keys);
  for (;;) {
    const entry = await index.find(tenant, request.version, wanted);
    if (entry === undefined) return { hit: false };
    const bytes = integrity.isTrusted(entry.id) ? 'sound' : await integrity.check(tenant, entry.id);
    // What can't be read now can't be restored now: the job does better without it than waiting for it.
    if (bytes === 'unavailable') return { hit: false };
    // Corrupt, and in quarantine by now, or just removed: the next best one is as good as if it had never been.
    if (bytes !== 'sound') continue;
    recency.note(tenant, entry.id);
    const url = urls.entry(tenant, entry.id);
    return {
      hit: true,
      ...described(entry),
      url,
      ...(blobs.direct === undefined ? {} : { partsUrl: partsOf(url) }),
    };
  }
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
