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
 * `too-many-requests`.
 */
export async function reserve(
  { index, now }: CacheParts,
  access: CacheAccess,
  { key, version }: UploadRequest,
): Promise<UploadAnswer> {
  const scope = writableScope(access);
  checkKey(key);
  checkVersion(version);
  const uploadId = randomUUID();
  const { tenant, pool } = access;
  const reserved = await index.reserve(tenant, { uploadId, scope, key, version, pool, now: now() });
  if (reserved.outcome === 'taken') {
    throw new CacheRefused(
      'cache-entry-exists',
      `${scope} has this key and version, or it is being written.`,
    );
  }
  if (reserved.outcome === 'too-many') {
    throw new CacheRefused(
      'too-many-requests',
      'Too many cache entries were created within a minute.',
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
