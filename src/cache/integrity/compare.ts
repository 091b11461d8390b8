import type { Examined } from '../blobs/blobs.ts';
import type { StoredBlob } from '../index/index.ts';

/**
 * What the store's word on a blob says about it, without reading a byte. `rewritten` calls for reading it: something
 * wrote there, or the whole store was copied and each blob is as it was. `unmarked` is one that an older Harrier saved.
 */
export type Comparison = 'same' | 'unmarked' | 'rewritten' | 'gone' | 'resized';

export function compare(kept: StoredBlob, found: Examined | undefined): Comparison {
  if (found === undefined) return 'gone';
  if (found.sizeBytes !== kept.sizeBytes) return 'resized';
  if (kept.mark === undefined) return 'unmarked';
  return found.mark === kept.mark ? 'same' : 'rewritten';
}
