import type { ArtifactParts } from './open.ts';

/** An upload is given up after this long without a request for parts, in ms. */
export const ABANDONED_AFTER = 60 * 60_000;
const AT_ONCE = 100;

/** Removes what has expired, bytes and all, and frees the names of uploads that nobody works on any more. */
export async function sweep({ index, blobs, now }: ArtifactParts): Promise<{ expired: number }> {
  await blobs.remove(await index.releaseAbandoned(now() - ABANDONED_AFTER));
  let expired = 0;
  for (;;) {
    const gone = await index.removeExpired(now(), AT_ONCE);
    await blobs.remove(gone.blobs);
    expired += gone.artifacts;
    if (gone.artifacts < AT_ONCE) return { expired };
  }
}
