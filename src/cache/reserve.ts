import { randomUUID } from 'node:crypto';
import type { UploadAnswer, UploadRequest } from '../protocol/cache.ts';
import type { Upload } from './index/index.ts';
import { checkKey, checkVersion } from './key.ts';
import type { CacheParts } from './open.ts';
import { CacheRefused } from './refused.ts';
import { type CacheAccess, writableScope } from './scope.ts';

/**
 * Takes scope, key and version for one upload. Of concurrent tries the index lets one win; the others, and all
 * later ones, get `cache-entry-exists`, because entries are immutable. A tenant that creates too many gets
 * `too-many-requests`, and what there is no room for `cache-entry-too-large` or `cache-store-full`.
 */
export async function reserve(
  { index, limits, now }: Pick<CacheParts, 'index' | 'limits' | 'now'>,
  access: CacheAccess,
  { key, version, sizeBytes }: UploadRequest,
): Promise<UploadAnswer> {
  const scope = writableScope(access);
  checkKey(key);
  checkVersion(version);
  await limits.admitUpload(access, sizeBytes);
  const uploadId = randomUUID();
  const { tenant, pool } = access;
  const creationsPerMinute = limits.creationsPerMinute(access);
  const reserved = await index.reserve(tenant, {
    uploadId,
    scope,
    key,
    version,
    pool,
    ...(creationsPerMinute === undefined ? {} : { creationsPerMinute }),
    now: now(),
  });
  if (reserved.outcome === 'taken') {
    throw new CacheRefused(
      'cache-entry-exists',
      `${scope} has this key and version, or it is being written.`,
    );
  }
  if (reserved.outcome === 'too-many') {
    throw new CacheRefused(
      'too-many-requests',
      `More than ${creationsPerMinute} cache entries were begun in this repository within a minute.`,
      reserved.retryAfterMs,
    );
  }
  return { uploadId, scope };
}

/** Gives a reservation and its bytes back. Throws `not-found` when it is not open. */
export async function release(parts: CacheParts, access: CacheAccess, uploadId: string): Promise<void> {
  await ownUpload(parts, access, uploadId);
  const blobs = await parts.index.release(access.tenant, uploadId);
  if (blobs === undefined) throw unknownUpload();
  parts.limits.closed(uploadId);
  await parts.blobs.remove(blobs);
}

/** The caller's upload: of its tenant, in the scope it writes. Throws `not-found` otherwise. */
export async function ownUpload(
  { index }: CacheParts,
  access: CacheAccess,
  uploadId: string,
): Promise<Upload> {
  const scope = writableScope(access);
  const upload = await index.upload(access.tenant, uploadId);
  if (upload === undefined || upload.scope !== scope) throw unknownUpload();
  return upload;
}

export function unknownUpload(): CacheRefused {
  return new CacheRefused('not-found', 'No such upload is open; it may have been given back for inactivity.');
}
