import type { ArtifactCommitRequest } from '../protocol/artifacts.ts';
import type { CommitAnswer, CommitRequest } from '../protocol/cache.ts';
import { Refused } from './refusal.ts';
import type { Block, Upload, Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';

/** What the commit of an artifact says beside what every commit does. */
type CommitMore = Pick<ArtifactCommitRequest, 'digest'>;

/**
 * Makes the entry out of the blocks, in their order; answers its id. When the api finds that what arrived is not
 * what the client says, the reservation is given back so that a later try of the job may have the key.
 */
export function commitUpload(
  upstream: Upstream,
  uploads: Uploads,
  upload: Upload,
  blocks: readonly Block[],
  sizeBytes: number,
  more: CommitMore = {},
): Promise<string> {
  upload.committing ??= send(upstream, upload, blocks, sizeBytes, more).then(
    (entryId) => {
      uploads.finish(upload, entryId);
      return entryId;
    },
    async (error: unknown) => {
      upload.committing = undefined;
      if (isFinal(error)) await abandonUpload(upstream, uploads, upload);
      throw error;
    },
  );
  return upload.committing;
}

/** Gives a reservation back, as far as the api can be reached; it would lapse by itself in the end. */
export async function abandonUpload(upstream: Upstream, uploads: Uploads, upload: Upload): Promise<void> {
  uploads.forget(upload);
  await upstream
    .call({
      method: 'DELETE',
      path: upload.path,
      idempotent: true,
      timeout: 5000,
      jobToken: upload.jobToken,
    })
    .catch(() => undefined);
}

async function send(
  upstream: Upstream,
  upload: Upload,
  blocks: readonly Block[],
  sizeBytes: number,
  more: CommitMore,
): Promise<string> {
  const request: CommitRequest = {
    sizeBytes,
    parts: blocks.flatMap((block) => block.parts),
    crc32: blocks.flatMap((block) => block.crc32),
    ...more,
  };
  const answer = await upstream.json<CommitAnswer>({
    method: 'POST',
    path: `${upload.path}/commit`,
    body: JSON.stringify(request),
    idempotent: true,
    jobToken: upload.jobToken,
    timeout: 120_000,
  });
  return answer.entryId;
}

const FINAL = new Set([400, 404, 409, 413, 422]);

function isFinal(error: unknown): boolean {
  return error instanceof Refused && FINAL.has(error.status);
}
