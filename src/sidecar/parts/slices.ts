import type { StoredPart } from './part_list.ts';

/** A stretch of one part. */
export interface Slice {
  /** Of the part in the list: its URL may be another by the time that it is read. */
  readonly index: number;
  readonly start: number;
  /** Included. */
  readonly end: number;
  /** Of the whole part, and known only where the slice is the whole. */
  readonly crc32: number | undefined;
}

/** The stretches of parts, one after the other, that make up a range of the whole, both ends included. */
export function slicesOf(parts: readonly StoredPart[], start: number, end: number): Slice[] {
  const slices: Slice[] = [];
  let offset = 0;
  for (const [index, { sizeBytes, crc32 }] of parts.entries()) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, sizeBytes - 1);
    if (from <= to) {
      const whole = from === 0 && to === sizeBytes - 1;
      slices.push({ index, start: from, end: to, crc32: whole ? crc32 : undefined });
    }
    offset += sizeBytes;
  }
  return slices;
}
