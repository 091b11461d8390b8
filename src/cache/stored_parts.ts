import type { StoredPartsAnswer } from '../protocol/cache.ts';
import type { DirectBlobs } from './blobs/blobs.ts';
import type { Content } from './index/index.ts';
import type { CacheParts } from './open.ts';
import { CacheRefused } from './refused.ts';

/** Parts in one answer: so many signatures take some tens of ms. */
const AT_ONCE = 250;

/** Where the parts of an entry can be read. Throws CacheRefused `not-found` where the bytes come from the api. */
export async function storedPartsOf(
  { index, blobs: { direct } }: CacheParts,
  tenant: string,
  entryId: string,
  offset: number,
): Promise<StoredPartsAnswer> {
  return partsApart(direct, await index.content(tenant, entryId), offset);
}

/** The same of whatever has its bytes in blobs; undefined `content` is what is gone. */
export async function partsApart(
  direct: DirectBlobs | undefined,
  content: Pick<Content, 'blobs' | 'sizeBytes'> | undefined,
  offset: number,
): Promise<StoredPartsAnswer> {
  if (content === undefined || direct === undefined) {
    throw new CacheRefused('not-found', 'It is gone, or its parts are not apart.');
  }
  const end = offset + AT_ONCE;
  const parts = await Promise.all(
    content.blobs.slice(offset, end).map(async ({ blob, sizeBytes, crc32 }) => ({
      url: await direct.get(blob),
      sizeBytes,
      ...(crc32 === undefined ? {} : { crc32 }),
    })),
  );
  const { sizeBytes } = content;
  return { sizeBytes, parts, ...(end < content.blobs.length ? { next: end } : {}) };
}
