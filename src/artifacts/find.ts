import { partsOf } from '../cache/blobs/signed_url.ts';
import { CacheRefused } from '../cache/refused.ts';
import type { ArtifactDownloadAnswer, ArtifactsAnswer, ArtifactView } from '../protocol/artifacts.ts';
import { type ArtifactAccess, assertEnabled } from './access.ts';
import type { Artifact } from './index/index.ts';
import type { ArtifactParts } from './open.ts';
import { runOf } from './run.ts';

/** Most artifacts that one answer lists; the stock client itself reads no more. */
const MOST_LISTED = 1000;
/** An id is an int64. */
const ID = /^\d{1,18}$/;

export async function list(
  { index, now }: ArtifactParts,
  access: ArtifactAccess,
  { run, name, id }: { run: string; name?: string | undefined; id?: string | undefined },
): Promise<ArtifactsAnswer> {
  assertEnabled(access);
  const own = runOf(access, run);
  if (id !== undefined && !ID.test(id)) return { artifacts: [] };
  const found = await index.list(access.tenant, own, { name, id }, now(), MOST_LISTED);
  return { artifacts: found.map(viewOf) };
}

/** Where the bytes of a run's artifact are. Throws `not-found`. */
export async function locate(
  { index, blobs, urls, now }: ArtifactParts,
  access: ArtifactAccess,
  { run, name }: { run: string; name: string },
): Promise<ArtifactDownloadAnswer> {
  assertEnabled(access);
  const [found] = await index.list(access.tenant, runOf(access, run), { name }, now(), 1);
  if (found === undefined) throw unknownArtifact();
  const url = urls.artifact(access.tenant, found.id);
  return { ...viewOf(found), url, ...(blobs.direct === undefined ? {} : { partsUrl: partsOf(url) }) };
}

/** Deletes an artifact; its name is free from then on. Throws `not-found`. */
export async function remove(
  { index, blobs, now }: ArtifactParts,
  access: ArtifactAccess,
  { run, name }: { run: string; name: string },
): Promise<{ id: string }> {
  assertEnabled(access);
  const removed = await index.remove(access.tenant, runOf(access, run), name, now());
  if (removed === undefined) throw unknownArtifact();
  await blobs.remove(removed.blobs);
  return { id: removed.artifact.id };
}

function viewOf({ run: _, createdAt, expiresAt, digest, ...artifact }: Artifact): ArtifactView {
  return {
    ...artifact,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
    ...(digest === undefined ? {} : { digest }),
  };
}

function unknownArtifact(): CacheRefused {
  return new CacheRefused('not-found', 'There is no such artifact in this run, or it has expired.');
}
