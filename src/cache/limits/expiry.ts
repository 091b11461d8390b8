import type { CacheIndex } from '../index/index.ts';
import { type Evictor, evict } from './evict.ts';

/** Entries taken away at once. */
const BATCH = 500;

/** Takes away what the pool's runners saved and nobody has used since that time (ms since the epoch). */
export async function expire(
  evictor: Evictor & { readonly index: Pick<CacheIndex, 'unusedSince' | 'remove'> },
  pool: string,
  before: number,
): Promise<void> {
  for (;;) {
    const unread = await evictor.index.unusedSince({ pool }, before, BATCH);
    if (unread.length === 0) return;
    if ((await evict(evictor, unread, 'expired')).length === 0) return;
  }
}
