import { asBlobError, BlobError, sendBlobError } from './azure_answer.ts';
import { putBlob } from './azure_blocks.ts';
import { BLOB_PREFIX } from './blob_urls.ts';
import type { Downloads } from './downloads.ts';
import type { Exchange, Handler } from './handlers.ts';
import type { NodeTier } from './node_tier/node_tier.ts';
import { asRefused } from './refusal.ts';
import { serveDownload } from './serve_download.ts';
import type { Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';

/** Everything under the local blob URLs: what came out of a look-up can be read, what was reserved written. */
export function blobHandler(
  upstream: Upstream,
  uploads: Uploads,
  downloads: Downloads,
  tier?: NodeTier | undefined,
): Handler {
  const serve = async (exchange: Exchange) => {
    const handle = exchange.path.slice(BLOB_PREFIX.length);
    const signature = exchange.query.get('sig');
    const { method } = exchange.request;
    if (method === 'PUT') {
      const upload = uploads.byHandle(handle, signature);
      if (upload !== undefined) return putBlob(exchange, upload, upstream);
    } else if (method === 'GET' || method === 'HEAD') {
      const download = downloads.byHandle(handle, signature);
      if (download !== undefined) return serveDownload(exchange, download, downloads, tier);
    } else throw new BlobError(405, 'UnsupportedHttpVerb', 'only GET, HEAD and PUT are supported');
    // 403 makes the Go client ask for a new URL; to it a URL of before a restart of ours is an expired one.
    throw new BlobError(403, 'AuthenticationFailed', 'the URL is not known or no longer good');
  };
  return async (exchange) => {
    try {
      await serve(exchange);
    } catch (error) {
      if (exchange.response.headersSent) throw error;
      sendBlobError(exchange, error instanceof BlobError ? error : asBlobError(asRefused(error)));
    }
  };
}
