import { randomUUID } from 'node:crypto';
import { storedParts } from '../cache/blobs/stored_parts.ts';
import { choose } from '../cache/commit.ts';
import { targetsOf } from '../cache/offer_parts.ts';
import { CacheRefused } from '../cache/refused.ts';
import type { ArtifactCommitRequest } from '../protocol/artifacts.ts';
import type { CommitAnswer, CommitRequest, PartsAnswer, PartsRequest } from '../protocol/cache.ts';
import { type ArtifactAccess, assertEnabled } from './access.ts';
import { assertRoom } from './create.ts';
import type { ArtifactUpload } from './index/index.ts';
import type { ArtifactParts } from './open.ts';

/** A URL to put each part to; every offer names a new blob, so that bytes which a commit has seen can't change. */
export async function offerParts(
  parts: ArtifactParts,
  access: ArtifactAccess,
  uploadId: string,
  request: PartsRequest,
): Promise<PartsAnswer> {
  const upload = await ownUpload(parts, access, uploadId);
  if (upload.committed !== undefined)
    throw new CacheRefused('artifact-exists', 'This upload is finished already.');
  const offered = request.parts.map((part) => ({ ...part, blob: randomUUID() }));
  if (!(await parts.index.addParts(access.tenant, uploadId, offered, parts.now()))) throw unknownUpload();
  return { parts: await targetsOf(parts, offered) };
}

/**
 * Makes an upload an artifact: the named parts in the list's order. Its bytes are on the disk before it answers, unlike
 * the cache's: nobody can make an artifact anew. A commit sent again after a lost answer gets the same answer.
 */
export async function commit(
  parts: ArtifactParts,
  access: ArtifactAccess,
  uploadId: string,
  request: ArtifactCommitRequest,
): Promise<CommitAnswer> {
  const { index, blobs, now } = parts;
  const upload = await ownUpload(parts, access, uploadId);
  if (upload.committed !== undefined) return repeated(upload.committed, request);
  const chosen = choose(await index.parts(access.tenant, uploadId), request);
  await assertRoom(index, access, request.sizeBytes);
  const stored = await storedParts(blobs, chosen, request.crc32);
  await blobs.sync(chosen.map((part) => part.blob));
  const { digest } = request;
  const done = await index.commit(access.tenant, uploadId, { parts: stored, digest, now: now() });
  if (done === undefined) {
    const winner = await index.upload(access.tenant, uploadId);
    if (winner?.committed !== undefined) return repeated(winner.committed, request);
    throw unknownUpload();
  }
  await blobs.remove(done.dropped);
  return { entryId: done.artifact.id, sizeBytes: done.artifact.sizeBytes };
}

/** Gives the name back, and the bytes. Throws `not-found` when the upload is not open. */
export async function release(parts: ArtifactParts, access: ArtifactAccess, uploadId: string): Promise<void> {
  assertEnabled(access);
  const blobs = await parts.index.release(access.tenant, uploadId);
  if (blobs === undefined) throw unknownUpload();
  await parts.blobs.remove(blobs);
}

/** The id is a random UUID that only its creator was told, and counts within its tenant alone. */
async function ownUpload(
  { index }: ArtifactParts,
  access: ArtifactAccess,
  uploadId: string,
): Promise<ArtifactUpload> {
  assertEnabled(access);
  const upload = await index.upload(access.tenant, uploadId);
  if (upload === undefined) throw unknownUpload();
  return upload;
}

function repeated(
  { artifactId, sizeBytes, numbers }: NonNullable<ArtifactUpload['committed']>,
  request: CommitRequest,
): CommitAnswer {
  const same =
    sizeBytes === request.sizeBytes &&
    numbers.length === request.parts.length &&
    numbers.every((number, position) => number === request.parts[position]);
  if (!same) throw new CacheRefused('artifact-exists', 'This upload is finished already, otherwise.');
  return { entryId: artifactId, sizeBytes };
}

function unknownUpload(): CacheRefused {
  return new CacheRefused('not-found', 'No such upload is open; it may have been given back for inactivity.');
}
