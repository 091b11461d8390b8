import type { CacheIndex } from './index/index.ts';
import type { CacheParts } from './open.ts';

/** An upload is given up after this long without a request for parts, in ms, unless the installation says otherwise. */
export const ABANDONED_AFTER = 60 * 60 * 1000;
/** A file that the index doesn't name is removed at this age, in ms: its row may be about to come or to go. */
export const ORPHAN_GRACE = 2 * ABANDONED_AFTER;

/** How long the bytes of quarantined entries are kept for somebody who wants to know what happened, in ms. */
export const QUARANTINED_FOR = 24 * ABANDONED_AFTER;

type SweptParts = Pick<CacheParts, 'index' | 'blobs' | 'now'>;

/** Frees the keys of uploads that nobody works on any more, and their bytes; answers how many blobs went. */
export async function releaseAbandoned(
  { index, blobs, limits, now }: SweptParts & Partial<Pick<CacheParts, 'limits'>>,
  afterMs = ABANDONED_AFTER,
): Promise<number> {
  const before = now() - afterMs;
  limits?.releasedBefore(before);
  const left = await index.releaseAbandoned(before);
  await blobs.remove(left);
  return left.length;
}

/** Removes the files that no entry and no open upload names, here or at a neighbour; answers how many. */
export async function removeOrphans(
  { index, blobs, now }: SweptParts,
  neighbours: readonly Pick<CacheIndex, 'namedBlobs'>[] = [],
): Promise<number> {
  let removed = 0;
  for await (const batch of blobs.olderThan(now() - ORPHAN_GRACE)) {
    let orphans = batch;
    for (const one of [index, ...neighbours]) {
      const named = await one.namedBlobs(orphans);
      orphans = orphans.filter((blob) => !named.has(blob));
    }
    await blobs.remove(orphans);
    removed += orphans.length;
  }
  return removed;
}

/** Forgets what has been in quarantine for long, and its bytes; answers how many blobs went. */
export async function dropQuarantined({ index, blobs, now }: SweptParts): Promise<number> {
  const left = await index.dropQuarantined(now() - QUARANTINED_FOR);
  await blobs.remove(left);
  return left.length;
}
