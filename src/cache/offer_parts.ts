import { randomUUID } from 'node:crypto';
import type { PartsAnswer, PartsRequest } from '../protocol/cache.ts';
import type { CacheParts } from './open.ts';
import { CacheRefused } from './refused.ts';
import { ownUpload, unknownUpload } from './reserve.ts';
import type { CacheAccess } from './scope.ts';

/**
 * A URL to put each part to. Every offer names a new blob, which is written at most once, so that bytes which a
 * commit has seen can't change; a number offered again stands for the later blob.
 */
export async function offerParts(
  { urls, ...parts }: CacheParts,
  access: CacheAccess,
  uploadId: string,
  request: PartsRequest,
): Promise<PartsAnswer> {
  const upload = await ownUpload({ urls, ...parts }, access, uploadId);
  if (upload.committed !== undefined) {
    throw new CacheRefused('cache-entry-exists', 'This upload is committed already.');
  }
  const offered = request.parts.map((part) => ({ ...part, blob: randomUUID() }));
  if (!(await parts.index.addParts(access.tenant, uploadId, offered, parts.now()))) throw unknownUpload();
  return {
    parts: offered.map(({ number, blob, sizeBytes }) => ({ number, url: urls.part(blob, sizeBytes) })),
  };
}
