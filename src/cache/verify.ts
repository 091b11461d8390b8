import type { Checksum } from './blobs/blobs.ts';
import type { StoredBlob } from './index/index.ts';
import type { CacheParts } from './open.ts';

/** What reading an entry through has shown. */
export interface Verified {
  /** Bytes that were read. */
  readonly sizeBytes: number;
  /** What is wrong; absent where the bytes are those that were saved, as far as that is known. */
  readonly problem?: string;
}

/**
 * Reads an entry through and compares it with what was noted when it was saved. One that is not as it was is
 * quarantined: its key is free for the next save. Undefined when the tenant has no such entry.
 */
export async function verify(
  { index, blobs, now }: Pick<CacheParts, 'index' | 'blobs' | 'now'>,
  tenant: string,
  entryId: string,
): Promise<Verified | undefined> {
  const content = await index.content(tenant, entryId);
  if (content === undefined) return undefined;
  let sizeBytes = 0;
  for (const stored of content.blobs) {
    const found = await blobs.checksum(stored.blob);
    sizeBytes += found?.sizeBytes ?? 0;
    const problem = differs(stored, found);
    if (problem === undefined) continue;
    // One that was evicted while it was read is no corruption: nothing is there any more to be put into quarantine.
    const taken = await index.quarantine(tenant, entryId, problem, now());
    return taken === undefined ? undefined : { sizeBytes, problem };
  }
  return { sizeBytes };
}

/** How a stored part differs from what was saved; undefined when it doesn't; pure. */
export function differs(saved: StoredBlob, found: Checksum | undefined): string | undefined {
  if (found === undefined) return 'a part of it is gone';
  if (found.sizeBytes !== saved.sizeBytes) return 'a part of it has another length';
  if (saved.crc32 !== undefined && found.crc32 !== saved.crc32) return 'a part of it has another checksum';
  return undefined;
}
