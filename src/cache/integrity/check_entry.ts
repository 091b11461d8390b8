import type { Blobs, Examined } from '../blobs/blobs.ts';
import type { CacheIndex, StoredBlob } from '../index/index.ts';
import { compare } from './compare.ts';

/** Why an entry's bytes are not those that were saved. */
export type Fault = 'a part is gone' | 'a part has another size' | 'a part has other bytes';
export type Verdict =
  | { readonly outcome: 'sound'; readonly sizeBytes: number }
  | { readonly outcome: 'corrupt'; readonly fault: Fault }
  /** There is no such entry. */
  | { readonly outcome: 'absent' };

export interface CheckOptions {
  /** Read every byte, whatever the marks say. */
  readonly thorough: boolean;
  /** Told of every stretch that was read, and waited for. */
  readonly onBytes?: ((count: number) => Promise<void> | void) | undefined;
}

/**
 * Finds out whether an entry's bytes are still those that were saved, and notes marks that have changed while the bytes
 * have not. Throws when the store doesn't answer: then nothing is known.
 */
export async function checkEntry(
  { index, blobs }: { readonly index: CacheIndex; readonly blobs: Blobs },
  tenant: string,
  entryId: string,
  { thorough, onBytes }: CheckOptions,
): Promise<Verdict> {
  const content = await index.content(tenant, entryId);
  if (content === undefined) return { outcome: 'absent' };
  const found = await blobs.examine(content.blobs.map(({ blob }) => blob));
  const noted: StoredBlob[] = [];
  for (const kept of content.blobs) {
    const judged = await checkBlob(blobs, kept, found.get(kept.blob), { thorough, onBytes });
    if (typeof judged === 'string') return { outcome: 'corrupt', fault: judged };
    if (judged.mark !== kept.mark || judged.crc32 !== kept.crc32) noted.push(judged);
  }
  if (noted.length > 0) await index.remark(entryId, noted);
  return { outcome: 'sound', sizeBytes: content.sizeBytes };
}

/** What is to be known of the blob from now on, or what is wrong with it. */
async function checkBlob(
  blobs: Blobs,
  kept: StoredBlob,
  found: Examined | undefined,
  { thorough, onBytes }: CheckOptions,
): Promise<StoredBlob | Fault> {
  const comparison = compare(kept, found);
  if (found === undefined || comparison === 'gone') return 'a part is gone';
  if (comparison === 'resized') return 'a part has another size';
  // Written to since it was saved, and nothing to compare it with: that it is right can't be known any more.
  if (comparison === 'rewritten' && kept.crc32 === undefined) return 'a part has other bytes';
  if (!thorough && comparison !== 'rewritten') return { ...kept, mark: found.mark };
  const read = await blobs.checksum(kept.blob, onBytes);
  if (read === undefined) return 'a part is gone';
  if (read.sizeBytes !== kept.sizeBytes) return 'a part has another size';
  if (kept.crc32 !== undefined && read.crc32 !== kept.crc32) return 'a part has other bytes';
  return { ...kept, mark: found.mark, crc32: read.crc32 };
}
