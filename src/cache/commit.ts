import type { CommitAnswer, CommitRequest } from '../protocol/cache.ts';
import { storedParts } from './blobs/stored_parts.ts';
import type { Part, Upload } from './index/index.ts';
import type { CacheParts } from './open.ts';
import { CacheRefused } from './refused.ts';
import { ownUpload, unknownUpload } from './reserve.ts';
import type { CacheAccess } from './scope.ts';

/**
 * Makes an upload an entry: the named parts in the list's order. Moves no bytes. On any error the entry doesn't
 * exist and the upload is as it was. A commit sent again after a lost answer gets the same answer.
 */
export async function commit(
  parts: CacheParts,
  access: CacheAccess,
  uploadId: string,
  request: CommitRequest,
): Promise<CommitAnswer> {
  const { index, blobs, durability, integrity, limits, now } = parts;
  const upload = await ownUpload(parts, access, uploadId);
  if (upload.committed !== undefined) return repeated(upload.committed, request);

  const chosen = choose(await index.parts(access.tenant, uploadId), request);
  limits.admitEntry(access, request.sizeBytes);
  const stored = await storedParts(blobs, chosen, request.crc32);
  const done = await index.commit(access.tenant, uploadId, stored, now());
  if (done === undefined) {
    // Another commit of the same upload may have been faster; else it was given back meanwhile.
    const winner = await index.upload(access.tenant, uploadId);
    if (winner?.committed !== undefined) return repeated(winner.committed, request);
    throw unknownUpload();
  }
  durability.enqueue(
    done.entry.id,
    chosen.map((part) => part.blob),
  );
  integrity.trust(done.entry.id);
  limits.closed(uploadId);
  await limits.saved(access, done.entry.id);
  await blobs.remove(done.dropped);
  return { entryId: done.entry.id, sizeBytes: done.entry.sizeBytes };
}

/** The parts that the request names, in its order; pure. Throws what is wrong with the request. */
export function choose(
  uploaded: readonly Part[],
  { parts: numbers, sizeBytes, crc32 }: CommitRequest,
): Part[] {
  if (numbers.length === 0) throw new CacheRefused('cache-empty-commit', 'The list of parts is empty.');
  if (crc32 !== undefined && crc32.length !== numbers.length) {
    throw new CacheRefused(
      'cache-checksum-mismatch',
      `${crc32.length} checksums don't belong to ${numbers.length} parts.`,
    );
  }
  const byNumber = new Map(uploaded.map((part) => [part.number, part]));
  const chosen = numbers.map((number) => {
    const part = byNumber.get(number);
    if (part === undefined) throw new CacheRefused('cache-unknown-part', `Part ${number} was never offered.`);
    return part;
  });
  const total = chosen.reduce((sum, part) => sum + part.sizeBytes, 0);
  if (total !== sizeBytes) {
    throw new CacheRefused(
      'cache-size-mismatch',
      `The parts have ${total} bytes together, the commit says ${sizeBytes}.`,
    );
  }
  return chosen;
}

function repeated(
  committed: NonNullable<Upload['committed']>,
  { parts, sizeBytes }: CommitRequest,
): CommitAnswer {
  const same =
    committed.sizeBytes === sizeBytes &&
    committed.numbers.length === parts.length &&
    committed.numbers.every((number, position) => number === parts[position]);
  if (!same) throw new CacheRefused('cache-entry-exists', 'This upload is committed already, otherwise.');
  return { entryId: committed.entryId, sizeBytes };
}
