import { randomUUID } from 'node:crypto';
import { CacheRefused } from '../cache/refused.ts';
import type { CreateArtifactRequest } from '../protocol/artifacts.ts';
import { type ArtifactAccess, assertEnabled } from './access.ts';
import { checkMediaType, checkName } from './name.ts';
import type { ArtifactParts } from './open.ts';
import { expiryOf } from './retention.ts';
import { checkId, runOf } from './run.ts';

/**
 * Takes a name in a run for one upload. Names are unique in their run: of concurrent tries the index lets one win, and
 * the others get `artifact-exists`, as do all later ones until it is deleted or has expired.
 */
export async function create(
  { index, blobs, now }: ArtifactParts,
  access: ArtifactAccess,
  { run: said, job, name, mimeType, expiresAt: asked }: CreateArtifactRequest,
): Promise<{ uploadId: string }> {
  assertEnabled(access);
  const run = runOf(access, said);
  checkId(job, 'job');
  checkName(name);
  checkMediaType(mimeType);
  const expiresAt = expiryOf(asked, access.maxRetentionDays, now());
  await assertRoom(index, access, 0);
  const uploadId = randomUUID();
  const reserved = await index.reserve(access.tenant, {
    ...{ uploadId, run, job, name, mimeType, expiresAt },
    now: now(),
  });
  if (reserved.outcome === 'taken')
    throw new CacheRefused(
      'artifact-exists',
      'An artifact with this name exists in this run, or is being uploaded.',
    );
  await blobs.remove(reserved.dropped);
  return { uploadId };
}

/**
 * Throws `artifact-quota` when the tenant's artifacts would pass its quota. The words are those by which the stock
 * client knows a full quota from a fault. Uploads at the same time may pass it together by what each brings.
 */
export async function assertRoom(
  index: ArtifactParts['index'],
  { tenant, quotaBytes }: ArtifactAccess,
  more: number,
): Promise<void> {
  if (quotaBytes === undefined) return;
  const { sizeBytes } = await index.usage(tenant);
  if (more > 0 ? sizeBytes + more > quotaBytes : sizeBytes >= quotaBytes)
    throw new CacheRefused(
      'artifact-quota',
      `insufficient usage: the artifacts have ${sizeBytes} of ${quotaBytes} bytes.`,
    );
}
