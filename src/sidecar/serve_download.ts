import type { OutgoingHttpHeaders } from 'node:http';
import { BlobError, blobHeaders } from './azure_answer.ts';
import type { Download, Downloads } from './downloads.ts';
import type { Exchange } from './handlers.ts';
import { unavailable } from './refusal.ts';
import type { Stored } from './stored.ts';
import type { Upstream } from './upstream.ts';

/**
 * HEAD and GET of a local download URL. HEAD is answered from the look-up, since a signed URL is signed for GET
 * alone; GET streams the store's answer, with the client's range, through one signed URL and at most one fresh one.
 */
export async function serveDownload(
  exchange: Exchange,
  download: Download,
  downloads: Downloads,
  upstream: Upstream,
): Promise<void> {
  if (exchange.request.method === 'HEAD') {
    const headers = { ...entryHeaders(download), 'content-length': download.entry.sizeBytes };
    exchange.response.writeHead(200, blobHeaders(exchange, headers));
    exchange.response.end();
    return;
  }
  let stored = await fetchStored(exchange, download, upstream);
  if (isExpired(stored)) {
    stored.drop();
    await downloads.renew(download);
    stored = await fetchStored(exchange, download, upstream);
  }
  await relay(exchange, download, stored);
}

function fetchStored(exchange: Exchange, download: Download, upstream: Upstream): Promise<Stored> {
  const { headers } = exchange.request;
  // x-ms-range wins over Range, as in the blob service.
  const range = headers['x-ms-range']?.toString() ?? headers.range;
  return upstream.fetch(download.entry.url, range === undefined ? {} : { range });
}

/** Whether a fresh signed URL may help. */
export function isExpired({ status }: Stored): boolean {
  return status === 401 || status === 403 || status === 404;
}

async function relay(exchange: Exchange, download: Download, stored: Stored): Promise<void> {
  const { status } = stored;
  if (status !== 200 && status !== 206) {
    stored.drop();
    throw storeError(status);
  }
  const headers = { ...entryHeaders(download), ...relayHeaders(stored) };
  if (exchange.response.destroyed) return stored.drop();
  exchange.response.writeHead(status, blobHeaders(exchange, headers));
  await stored.relay(exchange.response);
}

/** What of the store's answer the client is told. */
export function relayHeaders({ headers }: Stored): OutgoingHttpHeaders {
  const told = (['content-length', 'content-range'] as const).map((name) => [name, headers[name]]);
  return Object.fromEntries(told.filter(([, value]) => value !== undefined));
}

export function storeError(status: number): Error {
  if (status === 416) return new BlobError(416, 'InvalidRange', 'the range is outside of the blob');
  if (status === 403 || status === 401)
    return new BlobError(403, 'AuthenticationFailed', 'the store refused');
  if (status === 404) return new BlobError(404, 'BlobNotFound', 'the store has no such blob');
  return unavailable(`the store answered ${status}`);
}

function entryHeaders({ entry, handle }: Download): OutgoingHttpHeaders {
  return {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"0x${handle.slice(0, 16).toUpperCase()}"`,
    'last-modified': new Date(entry.createdAt).toUTCString(),
    'x-ms-blob-type': 'BlockBlob',
    'x-ms-creation-time': new Date(entry.createdAt).toUTCString(),
    'x-ms-lease-state': 'available',
    'x-ms-lease-status': 'unlocked',
    'x-ms-server-encrypted': 'true',
  };
}
