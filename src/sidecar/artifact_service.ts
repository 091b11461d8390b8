import type {
  ArtifactDownloadAnswer,
  ArtifactsAnswer,
  CreateArtifactRequest,
} from '../protocol/artifacts.ts';
import type { UploadAnswer } from '../protocol/cache.ts';
import type { ArtifactDownloads } from './artifact_downloads.ts';
import {
  decodeBinary,
  decodeJson,
  encodeBinary,
  encodeJson,
  type Fields,
  type Request,
  type RequestShape,
} from './artifact_messages.ts';
import { artifactUrl } from './artifact_urls.ts';
import { blobUrl } from './blob_urls.ts';
import type { Call } from './call_once.ts';
import { commitUpload } from './commit_upload.ts';
import type { Exchange, Handler } from './handlers.ts';
import { jobTokenOf } from './job_token.ts';
import { parseObject, readBody } from './read_body.ts';
import { asRefused, Refused } from './refusal.ts';
import { sendTwirpError, twirpCodeOf } from './twirp_error.ts';
import type { Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';

export const ARTIFACT_SERVICE_PREFIX = '/twirp/github.actions.results.api.v1.ArtifactService/';
const BODY_LIMIT = 64 * 1024;
const UPLOADS = '/v1/artifacts/uploads';

interface Method {
  shape: RequestShape;
  run(request: Request, exchange: Exchange): Promise<Fields>;
}

const RUN = { 1: ['workflow_run_backend_id', 'text'], 2: ['workflow_job_run_backend_id', 'text'] } as const;
const NAMED = { ...RUN, 3: ['name', 'text'] } as const;

/** Artifacts v4, served from Harrier's own store: Twirp over JSON or protobuf. */
export function artifactHandler(upstream: Upstream, uploads: Uploads, downloads: ArtifactDownloads): Handler {
  const methods = new Map<string, Method>([
    [
      'CreateArtifact',
      {
        shape: { ...NAMED, 4: ['expires_at', 'timestamp'], 6: ['mime_type', 'text-value'] },
        run: create,
      },
    ],
    [
      'FinalizeArtifact',
      { shape: { ...NAMED, 4: ['size', 'int64'], 5: ['hash', 'text-value'] }, run: finalize },
    ],
    [
      'ListArtifacts',
      { shape: { ...RUN, 3: ['name_filter', 'text-value'], 4: ['id_filter', 'int64-value'] }, run: list },
    ],
    ['GetSignedArtifactURL', { shape: NAMED, run: getUrl }],
    ['DeleteArtifact', { shape: NAMED, run: remove }],
  ]);

  async function create(request: Request, { request: call, origin }: Exchange): Promise<Fields> {
    uploads.assertRoom();
    const jobToken = jobTokenOf(call);
    const { expires_at: expiresAt, mime_type: mimeType } = request;
    const asked: Omit<CreateArtifactRequest, 'mimeType'> & { mimeType?: string } = {
      ...ofRun(request),
      job: request.workflow_job_run_backend_id ?? '',
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(mimeType === undefined ? {} : { mimeType }),
    };
    const { uploadId } = await upstream.json<Pick<UploadAnswer, 'uploadId'>>({
      method: 'POST',
      path: UPLOADS,
      body: JSON.stringify(asked),
      // A name taken by this very job is given to it again.
      idempotent: true,
      jobToken,
    });
    const entry = entryOf(request);
    const earlier = uploads.byEntry(entry);
    if (earlier !== undefined) uploads.forget(earlier);
    const upload = uploads.open({ uploadId, ...entry, jobToken }, UPLOADS);
    return [
      ['ok', true],
      ['signed_upload_url', blobUrl(origin, upload.handle, upload.signature)],
    ];
  }

  async function finalize(request: Request, { request: call }: Exchange): Promise<Fields> {
    const entry = entryOf(request);
    const upload = uploads.byEntry(entry);
    if (upload !== undefined) upload.jobToken = jobTokenOf(call);
    const size = Number(request.size ?? '0');
    if (!Number.isSafeInteger(size) || size < 0) throw new Refused('bad-request', 400, 'size is no size');
    const more = request.hash === undefined ? {} : { digest: request.hash };
    const id =
      upload === undefined
        ? uploads.finished(entry)
        : await commitUpload(upstream, uploads, upload, upload.content ?? [], size, more);
    if (id === undefined) throw new Refused('not-found', 404, 'no upload of this artifact has begun here');
    return [
      ['ok', true],
      ['artifact_id', BigInt(id)],
    ];
  }

  async function list(request: Request, { request: call }: Exchange): Promise<Fields> {
    const { run } = ofRun(request);
    const query = new URLSearchParams({ run });
    if (request.name_filter !== undefined) query.set('name', request.name_filter);
    if (request.id_filter !== undefined) query.set('id', request.id_filter);
    const path = `/v1/artifacts?${query}`;
    const { artifacts } = await upstream.json<ArtifactsAnswer>(get(path, jobTokenOf(call)));
    const listed = artifacts.map(
      ({ id, job, name, sizeBytes, createdAt, digest }): Fields => [
        ['workflow_run_backend_id', run],
        ['workflow_job_run_backend_id', job],
        ['database_id', BigInt(id)],
        ['name', name],
        ['size', BigInt(sizeBytes)],
        ['created_at', new Date(createdAt)],
        ['digest', digest === undefined ? undefined : { wrapped: digest }],
      ],
    );
    return [['artifacts', listed]];
  }

  async function getUrl(request: Request, { request: call, origin }: Exchange): Promise<Fields> {
    const path = `/v1/artifacts/download?${new URLSearchParams(ofRun(request))}`;
    const jobToken = jobTokenOf(call);
    const found = await upstream.json<ArtifactDownloadAnswer>(get(path, jobToken));
    const { handle, signature } = downloads.keep(found, path, jobToken);
    return [['signed_url', artifactUrl(origin, handle, signature)]];
  }

  async function remove(request: Request, { request: call }: Exchange): Promise<Fields> {
    const path = `/v1/artifacts?${new URLSearchParams(ofRun(request))}`;
    // Said twice, the second would be told that there is no such artifact.
    const jobToken = jobTokenOf(call);
    const { id } = await upstream.json<{ id: string }>({
      method: 'DELETE',
      path,
      idempotent: false,
      jobToken,
    });
    return [
      ['ok', true],
      ['artifact_id', BigInt(id)],
    ];
  }

  return async (exchange) => {
    const { request, response, path } = exchange;
    const method = methods.get(path.slice(ARTIFACT_SERVICE_PREFIX.length));
    const type = mediaType(request.headers['content-type']);
    if (request.method !== 'POST' || method === undefined || type === undefined)
      return sendTwirpError(response, 'bad_route', 'no such method or media type');
    try {
      const body = await readBody(request, BODY_LIMIT);
      const message =
        type === 'protobuf' ? decodeBinary(body, method.shape) : decodeJson(parseObject(body), method.shape);
      const fields = await method.run(message, exchange);
      const answer = type === 'json' ? Buffer.from(encodeJson(fields)) : encodeBinary(fields);
      response.writeHead(200, { 'content-type': `application/${type}`, 'content-length': answer.length });
      response.end(answer);
    } catch (error) {
      const refused = asRefused(error);
      sendTwirpError(response, twirpCodeOf(refused), refused.message, refused.retryAfter);
      if (!(error instanceof Refused)) throw error;
    }
  };
}

function get(path: string, jobToken: string | undefined): Call {
  return { method: 'GET', path, idempotent: true, jobToken };
}

function ofRun(request: Request): { run: string; name: string } {
  return { run: request.workflow_run_backend_id ?? '', name: request.name ?? '' };
}

/** What tells the uploads of artifacts from each other, and from those of cache entries: a version has no spaces. */
function entryOf(request: Request): { key: string; version: string } {
  const { run, name } = ofRun(request);
  return { key: name, version: `artifact of ${run}` };
}

function mediaType(header: string | undefined): 'json' | 'protobuf' | undefined {
  const type = header?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return 'json';
  return type === 'application/protobuf' ? 'protobuf' : undefined;
}
