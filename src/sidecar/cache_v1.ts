import type { EntriesAnswer } from '../protocol/cache.ts';
import { blobUrl } from './blob_urls.ts';
import { commitUpload } from './commit_upload.ts';
import { joinChunks, parseChunkRange } from './content_range.ts';
import type { Downloads } from './downloads.ts';
import type { Exchange, Handler } from './handlers.ts';
import { sendEmpty, sendJson } from './handlers.ts';
import { jobTokenOf } from './job_token.ts';
import { parseObject, readBody } from './read_body.ts';
import { asRefused, Refused } from './refusal.ts';
import { reserveUpload } from './reserve_upload.ts';
import { stageBlock } from './stage_block.ts';
import type { Upload, Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';

export const CACHE_V1_PREFIX = '/_apis/artifactcache/';
const BODY_LIMIT = 64 * 1024;

/** The cache service v1, which stock clients use where the server is neither github.com nor *.ghe.com. */
export function cacheV1Handler(upstream: Upstream, uploads: Uploads, downloads: Downloads): Handler {
  async function lookup({ request, query, response, restoreOrigin }: Exchange): Promise<void> {
    const keys = (query.get('keys') ?? '').split(',');
    const download = await downloads.find(keys, query.get('version') ?? '', jobTokenOf(request));
    if (download === undefined) return sendEmpty(response, 204);
    const { key, scope, version, createdAt } = download.entry;
    const archiveLocation = blobUrl(restoreOrigin, download.handle, download.signature);
    sendJson(response, 200, {
      cacheKey: key,
      scope,
      cacheVersion: version,
      creationTime: createdAt,
      archiveLocation,
    });
  }

  async function list({ request, query, response }: Exchange): Promise<void> {
    const path = `/v1/cache/entries?key=${encodeURIComponent(query.get('key') ?? '')}`;
    const jobToken = jobTokenOf(request);
    const answer = await upstream.json<EntriesAnswer>({ method: 'GET', path, idempotent: true, jobToken });
    const artifactCaches = answer.entries.map(({ key, scope, version, createdAt }) => ({
      cacheKey: key,
      scope,
      cacheVersion: version,
      creationTime: createdAt,
    }));
    sendJson(response, 200, { totalCount: answer.totalCount, artifactCaches });
  }

  async function reserve({ request, response }: Exchange): Promise<void> {
    const { key, version, cacheSize } = parseObject(await readBody(request, BODY_LIMIT));
    if (typeof key !== 'string' || typeof version !== 'string')
      throw new Refused('bad-request', 400, 'key and version are strings');
    const size = Number.isSafeInteger(cacheSize) ? { sizeBytes: cacheSize as number } : {};
    const upload = await reserveUpload(upstream, uploads, { key, version, ...size }, jobTokenOf(request));
    sendJson(response, 201, { cacheId: upload.cacheId });
  }

  async function patch({ request, response }: Exchange, upload: Upload): Promise<void> {
    const { start, length } = parseChunkRange(
      request.headers['content-range'],
      request.headers['content-length'],
    );
    const block = await stageBlock(upstream, upload, request, length);
    // The same range put again replaces what was there: it is a retry whose answer got lost.
    upload.staged.set(`${start}+${length}`, block);
    sendEmpty(response, 204);
  }

  async function commit({ request, response }: Exchange, upload: Upload): Promise<void> {
    const { size } = parseObject(await readBody(request, BODY_LIMIT));
    if (!Number.isSafeInteger(size) || (size as number) < 0)
      throw new Refused('bad-request', 400, 'size is a whole number');
    await commitUpload(upstream, uploads, upload, joinChunks(upload.staged), size as number);
    sendEmpty(response, 204);
  }

  const route = (exchange: Exchange): Promise<void> | undefined => {
    const { method } = exchange.request;
    const resource = exchange.path.slice(CACHE_V1_PREFIX.length);
    if (resource === 'cache' && method === 'GET') return lookup(exchange);
    if (resource === 'caches' && method === 'GET') return list(exchange);
    if (resource === 'caches' && method === 'POST') return reserve(exchange);
    const id = /^caches\/(\d{1,16})$/.exec(resource)?.[1];
    if (id === undefined || (method !== 'PATCH' && method !== 'POST')) return undefined;
    const upload = uploads.byCacheId(Number(id));
    if (upload === undefined) throw new Refused('not-found', 404, 'no such reservation');
    // Whoever asks, asks by their own token: never by that of the job which began the upload.
    upload.jobToken = jobTokenOf(exchange.request);
    return method === 'PATCH' ? patch(exchange, upload) : commit(exchange, upload);
  };

  return async (exchange) => {
    try {
      const handled = route(exchange);
      if (handled === undefined) throw new Refused('not-found', 404, 'no such resource');
      await handled;
    } catch (error) {
      if (exchange.response.headersSent) throw error;
      sendV1Error(exchange, asRefused(error));
      if (!(error instanceof Refused)) throw error;
    }
  };
}

/** The service's error shape; the Go client knows a conflict by `AlreadyExists` in the typeKey. */
function sendV1Error({ response }: Exchange, refused: Refused): void {
  if (refused.retryAfter !== undefined) response.setHeader('retry-after', refused.retryAfter);
  // @actions/cache tells why there is no room for an entry only when the status is 400.
  const noRoom = refused.code === 'cache-entry-too-large' || refused.code === 'cache-store-full';
  const status = noRoom ? 400 : refused.status;
  sendJson(response, status, {
    typeKey:
      refused.code === 'cache-entry-exists'
        ? 'ArtifactCacheItemAlreadyExistsException'
        : typeKeyOf(refused.code),
    message: refused.message,
    errorCode: 0,
  });
}

/** `invalid-cache-key` → `InvalidCacheKeyException` */
function typeKeyOf(code: string): string {
  const words = code.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join('')}Exception`;
}
