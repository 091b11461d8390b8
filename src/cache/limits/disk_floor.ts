import { statfs } from 'node:fs/promises';
import { quantityBytes } from '../../resources/quantity.ts';
import type { CacheIndex } from '../index/index.ts';
import type { Recency } from '../recency.ts';
import { type Evictor, evict } from './evict.ts';
import { planEviction } from './plan_eviction.ts';

/** Bytes that are to stay free: a share of the whole disk, or a size. */
export type Floor = { readonly percent: number } | { readonly bytes: number };

export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Reads `5%` or a quantity such as `20Gi`; throws on any other text. */
export function parseFloor(text: string): Floor {
  const percent = /^([0-9]{1,2}(?:\.[0-9]+)?)%$/.exec(text)?.[1];
  return percent === undefined ? { bytes: quantityBytes(text) } : { percent: Number(percent) };
}

/** Bytes that are missing for `incoming` more to leave the floor free; 0 when there is room. Pure. */
export function missingBytes({ freeBytes, totalBytes }: Space, floor: Floor, incoming: number): number {
  const kept = 'bytes' in floor ? floor.bytes : (totalBytes * floor.percent) / 100;
  return Math.max(0, Math.ceil(kept + incoming - freeBytes));
}

/**
 * How much of the disk is free. `atMost` is the size of a volume whose bound its filesystem doesn't know, such as a
 * pod's emptyDir on the node's disk, and `used` what is known to be in it.
 */
export async function spaceOf(folder: string, atMost?: number, used = 0): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const disk = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  if (atMost === undefined) return disk;
  return {
    freeBytes: Math.min(disk.freeBytes, Math.max(0, atMost - used)),
    totalBytes: Math.min(disk.totalBytes, atMost),
  };
}

const BATCH = 200;

export type DiskKeeper = Evictor & {
  readonly index: Pick<CacheIndex, 'leastRecentlyUsed' | 'remove'>;
  readonly recency: Pick<Recency, 'flush'>;
  readonly floor: Floor;
  readonly space: () => Promise<Space>;
};

/**
 * Evicts, over all pools and least recently used first, until `incoming` bytes fit and leave the floor free. False
 * when they don't and nothing is left to evict. Entries are small things to a disk: it is asked anew after each batch.
 */
export async function holdFloor(keeper: DiskKeeper, incoming: number): Promise<boolean> {
  const { index, recency, floor, space } = keeper;
  for (let flushed = false; ; ) {
    const missing = missingBytes(await space(), floor, incoming);
    if (missing === 0) return true;
    if (!flushed) await recency.flush();
    flushed = true;
    const candidates = await index.leastRecentlyUsed({}, BATCH);
    if ((await evict(keeper, planEviction(missing, candidates), 'disk')).length === 0) return false;
  }
}
