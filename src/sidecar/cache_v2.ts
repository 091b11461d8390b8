import { blobUrl } from './blob_urls.ts';
import { commitUpload } from './commit_upload.ts';
import type { Downloads } from './downloads.ts';
import type { Exchange, Handler } from './handlers.ts';
import { jobTokenOf } from './job_token.ts';
import { parseObject, readBody } from './read_body.ts';
import { asRefused, Refused } from './refusal.ts';
import { reserveUpload } from './reserve_upload.ts';
import { sendTwirpError, twirpCodeOf, twirpMessageOf } from './twirp_error.ts';
import type { AnswerFields, CacheRequest, RequestShape } from './twirp_messages.ts';
import { decodeBinary, decodeJson, encodeBinary, encodeJson } from './twirp_messages.ts';
import type { Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';

export const CACHE_SERVICE_PREFIX = '/twirp/github.actions.results.api.v1.CacheService/';
const BODY_LIMIT = 64 * 1024;

interface Method {
  shape: RequestShape;
  run(request: CacheRequest, exchange: Exchange): Promise<AnswerFields>;
}

/** The cache service v2: Twirp over JSON (JavaScript, Go) or protobuf (OpenDAL). */
export function cacheV2Handler(upstream: Upstream, uploads: Uploads, downloads: Downloads): Handler {
  const methods = new Map<string, Method>([
    ['CreateCacheEntry', { shape: { 2: 'key', 3: 'version' }, run: create }],
    ['FinalizeCacheEntryUpload', { shape: { 2: 'key', 3: 'size_bytes', 4: 'version' }, run: finalize }],
    [
      'GetCacheEntryDownloadURL',
      { shape: { 2: 'key', 3: 'restore_keys', 4: 'version' }, run: getDownloadUrl },
    ],
  ]);

  async function create(
    { key, version }: CacheRequest,
    { request, origin }: Exchange,
  ): Promise<AnswerFields> {
    try {
      const upload = await reserveUpload(upstream, uploads, { key, version }, jobTokenOf(request));
      return [
        ['ok', true],
        ['signed_upload_url', blobUrl(origin, upload.handle, upload.signature)],
        ['message', ''],
      ];
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'permission-denied') throw error;
      // The stock client looks for the api's `cache write denied:` in the message of an ok:false answer alone.
      return [
        ['ok', false],
        ['signed_upload_url', ''],
        ['message', error.message],
      ];
    }
  }

  async function finalize(request: CacheRequest, exchange: Exchange): Promise<AnswerFields> {
    const upload = uploads.byEntry(request);
    // Whoever asks, asks by their own token: never by that of the job which began the upload.
    if (upload !== undefined) upload.jobToken = jobTokenOf(exchange.request);
    const entryId =
      upload === undefined
        ? uploads.finished(request)
        : await commitUpload(upstream, uploads, upload, upload.content ?? [], request.sizeBytes);
    if (entryId === undefined)
      throw new Refused('not-found', 404, 'no upload of this key and version has begun');
    return [
      ['ok', true],
      ['entry_id', entryId],
      ['message', ''],
    ];
  }

  async function getDownloadUrl(
    request: CacheRequest,
    { request: received, restoreOrigin }: Exchange,
  ): Promise<AnswerFields> {
    const { key, restoreKeys, version } = request;
    // The Go client names the key among its restore keys again.
    const keys = [key, ...restoreKeys.filter((one) => one !== key)];
    const download = await downloads.find(keys, version, jobTokenOf(received));
    if (download === undefined) return [['ok', false]];
    return [
      ['ok', true],
      ['signed_download_url', blobUrl(restoreOrigin, download.handle, download.signature)],
      ['matched_key', download.entry.key],
    ];
  }

  return async (exchange) => {
    const { request, response, path } = exchange;
    const method = methods.get(path.slice(CACHE_SERVICE_PREFIX.length));
    const type = mediaType(request.headers['content-type']);
    if (request.method !== 'POST' || method === undefined || type === undefined)
      return sendTwirpError(response, 'bad_route', 'no such method or media type');
    try {
      const body = await readBody(request, BODY_LIMIT);
      const message = type === 'protobuf' ? decodeBinary(body, method.shape) : decodeJson(parseObject(body));
      send(exchange, type, await method.run(message, exchange));
    } catch (error) {
      const refused = asRefused(error);
      const code = twirpCodeOf(refused);
      sendTwirpError(response, code, twirpMessageOf(refused), refused.retryAfter);
      if (!(error instanceof Refused)) throw error;
    }
  };
}

function mediaType(header: string | undefined): 'json' | 'protobuf' | undefined {
  const type = header?.split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return 'json';
  return type === 'application/protobuf' ? 'protobuf' : undefined;
}

function send({ response }: Exchange, type: 'json' | 'protobuf', fields: AnswerFields): void {
  const body = type === 'json' ? Buffer.from(encodeJson(fields)) : encodeBinary(fields);
  response.writeHead(200, { 'content-type': `application/${type}`, 'content-length': body.length });
  response.end(body);
}
