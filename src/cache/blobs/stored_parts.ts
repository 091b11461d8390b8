import { CacheRefused } from '../refused.ts';
import type { Blobs, Examined } from './blobs.ts';

interface OfferedPart {
  readonly number: number;
  readonly blob: string;
  readonly sizeBytes: number;
}

/**
 * The parts as a commit keeps them, each with its checksum and the store's mark. Throws CacheRefused:
 * `cache-unknown-part` when one of them is not stored whole, `cache-checksum-mismatch` when what the store took is not
 * what the sender says to have sent. A store that the bytes reach without us is believed: no byte is read back.
 *
 * @param sent CRC-32 of each part by whoever sent it, in the same order; absent when nobody says.
 */
export async function storedParts<P extends OfferedPart>(
  blobs: Blobs,
  parts: readonly P[],
  sent: readonly number[] | undefined,
): Promise<(P & { mark: string; crc32?: number })[]> {
  const found = await blobs.examine(parts.map(({ blob }) => blob));
  const stored: (P & { mark: string; crc32?: number })[] = [];
  for (const [position, part] of parts.entries()) {
    const examined = found.get(part.blob);
    if (examined?.sizeBytes !== part.sizeBytes) {
      throw new CacheRefused('cache-unknown-part', `Part ${part.number} was offered but not uploaded.`);
    }
    const theirs = sent?.[position];
    const ours = await writtenChecksum(blobs, part, examined);
    if (theirs !== undefined && ours !== undefined && theirs !== ours) {
      throw new CacheRefused(
        'cache-checksum-mismatch',
        `Part ${part.number} was stored with other bytes than it was sent with.`,
      );
    }
    const crc32 = ours ?? theirs;
    stored.push({ ...part, mark: examined.mark, ...(crc32 === undefined ? {} : { crc32 }) });
  }
  return stored;
}

/** The store's own checksum; one that it has forgotten, after a restart, is read anew. */
async function writtenChecksum(
  blobs: Blobs,
  { blob }: OfferedPart,
  examined: Examined,
): Promise<number | undefined> {
  if (blobs.direct !== undefined) return undefined;
  return examined.crc32 ?? (await blobs.checksum(blob))?.crc32;
}
