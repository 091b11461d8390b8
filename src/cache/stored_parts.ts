import type { StoredPartsAnswer } from '../protocol/cache.ts';
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
  const content = await index.content(tenant, entryId);
  if (content === undefined || direct === undefined) {
    throw new CacheRefused('not-found', 'The entry is gone, or its parts are not apart.');
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
