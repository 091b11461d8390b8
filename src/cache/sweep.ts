import type { CacheParts } from './open.ts';

/** An upload is given up after this long without a request for parts, in ms. */
export const ABANDONED_AFTER = 60 * 60 * 1000;
/** A file that the index doesn't name is removed at this age, in ms: its row may be about to come or to go. */
export const ORPHAN_GRACE = 2 * ABANDONED_AFTER;

/** Frees the keys of uploads that nobody works on any more, and their bytes; answers how many blobs went. */
export async function releaseAbandoned({ index, blobs, now }: CacheParts): Promise<number> {
  const left = await index.releaseAbandoned(now() - ABANDONED_AFTER);
  await blobs.remove(left);
  return left.length;
}

/** Removes the files that no entry and no open upload names; answers how many. */
export async function removeOrphans({ index, blobs, now }: CacheParts): Promise<number> {
  let removed = 0;
  for await (const batch of blobs.olderThan(now() - ORPHAN_GRACE)) {
    const named = await index.namedBlobs(batch);
    const orphans = batch.filter((blob) => !named.has(blob));
    await blobs.remove(orphans);
    removed += orphans.length;
  }
  return removed;
}
