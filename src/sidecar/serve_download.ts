import type { OutgoingHttpHeaders } from 'node:http';
import { BlobError, blobHeaders } from './azure_answer.ts';
import type { Download, Downloads } from './downloads.ts';
import type { Exchange } from './handlers.ts';
import type { NodeTier } from './node_tier/node_tier.ts';
import { keepOnNode, serveFromNode } from './node_tier/serve_entry.ts';
import { unavailable } from './refusal.ts';
import type { Stored } from './stored.ts';

/**
 * HEAD and GET of a local download URL. HEAD is answered from the look-up, since a signed URL is signed for GET
 * alone; GET streams the store's answer, with the client's range, through one signed URL and at most one fresh one.
 */
export async function serveDownload(
  exchange: Exchange,
  download: Download,
  downloads: Downloads,
  tier?: NodeTier | undefined,
): Promise<void> {
  if (exchange.request.method === 'HEAD') {
    const headers = { ...entryHeaders(download), 'content-length': download.entry.sizeBytes };
    exchange.response.writeHead(200, blobHeaders(exchange, headers));
    exchange.response.end();
    return;
  }
  if (tier !== undefined) {
    await downloads.confirm(download);
    const range = rangeOf(exchange);
    if (await serveFromNode(tier, exchange, download, range, entryHeaders(download), downloads)) return;
  }
  let stored = await fetchStored(exchange, download, downloads);
  if (isExpired(stored)) {
    stored.drop();
    await downloads.renew(download);
    stored = await fetchStored(exchange, download, downloads);
  }
  await relay(exchange, download, stored, tier);
}

async function fetchStored(exchange: Exchange, download: Download, downloads: Downloads): Promise<Stored> {
  return downloads.fetch(download, rangeOf(exchange));
}

/** x-ms-range wins over Range, as in the blob service. */
function rangeOf(exchange: Exchange): string | undefined {
  return ownRange(exchange) ?? exchange.request.headers.range;
}

/** A client that sends this header counts on the range: unlike Range, one that can't be read is not passed over. */
function ownRange({ request }: Exchange): string | undefined {
  const range = request.headers['x-ms-range']?.toString();
  if (range !== undefined && !/^bytes=\d{1,15}-(\d{1,15})?$/.test(range))
    throw new BlobError(400, 'InvalidHeaderValue', 'x-ms-range must be one range, like: bytes=0-199');
  return range;
}

/** Whether a fresh signed URL may help. */
export function isExpired({ status }: Stored): boolean {
  return status === 401 || status === 403 || status === 404;
}

async function relay(
  exchange: Exchange,
  download: Download,
  stored: Stored,
  tier: NodeTier | undefined,
): Promise<void> {
  const { status } = stored;
  if (status !== 200 && status !== 206) {
    stored.drop();
    throw storeError(status);
  }
  const headers = { ...entryHeaders(download), ...relayHeaders(stored) };
  if (tier !== undefined) await keepOnNode(tier, exchange, download, stored);
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
