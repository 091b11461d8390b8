import { randomUUID } from 'node:crypto';
import type { PartsAnswer, PartsRequest } from '../protocol/cache.ts';
import type { Blobs } from './blobs/blobs.ts';
import type { SignedUrls } from './blobs/signed_url.ts';
import type { CacheParts } from './open.ts';
import { CacheRefused } from './refused.ts';
import { ownUpload, unknownUpload } from './reserve.ts';
import type { CacheAccess } from './scope.ts';

/**
 * A URL to put each part to. Every offer names a new blob, which is written at most once, so that bytes which a
 * commit has seen can't change; a number offered again stands for the later blob. Throws `cache-entry-too-large` and
 * `cache-store-full` before a byte is sent.
 */
export async function offerParts(
  parts: CacheParts,
  access: CacheAccess,
  uploadId: string,
  request: PartsRequest,
): Promise<PartsAnswer> {
  const upload = await ownUpload(parts, access, uploadId);
  if (upload.committed !== undefined) {
    throw new CacheRefused('cache-entry-exists', 'This upload is committed already.');
  }
  const total = request.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  await parts.limits.admitParts(access, uploadId, total);
  const offered = request.parts.map((part) => ({ ...part, blob: randomUUID() }));
  if (!(await parts.index.addParts(access.tenant, uploadId, offered, parts.now()))) throw unknownUpload();
  return { parts: await targetsOf(parts, offered) };
}

/** Where the bytes of each part go: to the store itself where it takes them, else to the api. */
export async function targetsOf(
  { blobs, urls }: { readonly blobs: Blobs; readonly urls: SignedUrls },
  offered: readonly { readonly number: number; readonly blob: string; readonly sizeBytes: number }[],
): Promise<PartsAnswer['parts']> {
  const { direct } = blobs;
  return Promise.all(
    offered.map(async ({ number, blob, sizeBytes }) =>
      direct === undefined
        ? { number, url: urls.part(blob, sizeBytes) }
        : { number, ...(await direct.put(blob, sizeBytes)) },
    ),
  );
}
