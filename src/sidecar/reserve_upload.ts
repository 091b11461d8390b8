import type { UploadAnswer, UploadRequest } from '../protocol/cache.ts';
import type { Upload, Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';

/** Reserves key and version with the api, which judges both, and opens a local upload for them. */
export async function reserveUpload(
  upstream: Upstream,
  uploads: Uploads,
  request: UploadRequest,
  jobToken: string | undefined,
): Promise<Upload> {
  uploads.assertRoom();
  const { uploadId } = await upstream.json<UploadAnswer>({
    method: 'POST',
    path: '/v1/cache/uploads',
    body: JSON.stringify(request),
    idempotent: false,
    jobToken,
  });
  return uploads.open({ uploadId, key: request.key, version: request.version, jobToken });
}
