import type { IncomingMessage } from 'node:http';
import { BlobError, sendCreated } from './azure_answer.ts';
import { parseBlockList, resolveBlockList } from './block_list.ts';
import type { Exchange } from './handlers.ts';
import { readBody } from './read_body.ts';
import { stageBlock } from './stage_block.ts';
import type { Upload } from './uploads.ts';
import { sizeOf } from './uploads.ts';
import type { Upstream } from './upstream.ts';

/** 50,000 ids of 64 bytes, the service's own limits, with their elements and base64. */
const LIST_LIMIT = 8 * 1024 * 1024;
const MAX_ID_LENGTH = 128;

/** A PUT on an upload URL: the part of the blob service that cache clients use. Blocks come in any order. */
export async function putBlob(exchange: Exchange, upload: Upload, upstream: Upstream): Promise<void> {
  switch (exchange.query.get('comp')) {
    case null:
      return putWhole(exchange, upload, upstream);
    case 'block':
      return putBlock(exchange, upload, upstream);
    case 'blocklist':
      return putBlockList(exchange, upload);
    case 'appendblock':
      return appendBlock(exchange, upload, upstream);
    case 'seal':
      exchange.request.resume();
      exchange.response.statusCode = 200;
      exchange.response.setHeader('x-ms-blob-sealed', 'true');
      exchange.response.end();
      return;
    default:
      throw new BlobError(400, 'InvalidQueryParameterValue', 'this comp is not supported');
  }
}

async function putWhole(exchange: Exchange, upload: Upload, upstream: Upstream): Promise<void> {
  const type = exchange.request.headers['x-ms-blob-type'];
  if (type === 'AppendBlob') {
    await readBody(exchange.request, 0);
    upload.content = [];
  } else if (type === 'BlockBlob' || type === undefined) {
    const block = await stageBlock(upstream, upload, exchange.request, bodyLength(exchange.request));
    upload.content = [block];
  } else throw new BlobError(400, 'InvalidHeaderValue', 'this x-ms-blob-type is not supported');
  // A whole new blob has no blocks left to name: the service discards them too.
  upload.staged.clear();
  upload.committed = new Map();
  sendCreated(exchange, writtenHeaders(upload));
}

async function putBlock(exchange: Exchange, upload: Upload, upstream: Upstream): Promise<void> {
  const id = exchange.query.get('blockid');
  if (id === null || id === '' || id.length > MAX_ID_LENGTH)
    throw new BlobError(400, 'InvalidQueryParameterValue', `blockid has 1 to ${MAX_ID_LENGTH} characters`);
  const block = await stageBlock(upstream, upload, exchange.request, bodyLength(exchange.request));
  upload.staged.set(id, block);
  sendCreated(exchange);
}

async function putBlockList(exchange: Exchange, upload: Upload): Promise<void> {
  const xml = (await readBody(exchange.request, LIST_LIMIT)).toString('utf8');
  const listed = resolveBlockList(parseBlockList(xml), upload);
  upload.content = listed.map(({ block }) => block);
  upload.committed = new Map(listed.map(({ id, block }) => [id, block]));
  upload.staged.clear();
  sendCreated(exchange, writtenHeaders(upload));
}

async function appendBlock(exchange: Exchange, upload: Upload, upstream: Upstream): Promise<void> {
  const content = upload.content;
  if (content === undefined) throw new BlobError(404, 'BlobNotFound', 'there is no append blob yet');
  const offset = sizeOf(content);
  const expected = exchange.request.headers['x-ms-blob-condition-appendpos'];
  if (expected !== undefined && expected !== String(offset))
    throw new BlobError(412, 'AppendPositionConditionNotMet', 'the append position is another');
  const block = await stageBlock(upstream, upload, exchange.request, bodyLength(exchange.request));
  content.push(block);
  sendCreated(exchange, {
    ...writtenHeaders(upload),
    'x-ms-blob-append-offset': offset,
    'x-ms-blob-committed-block-count': content.length,
  });
}

function writtenHeaders(upload: Upload): Record<string, string> {
  return {
    etag: `"0x${upload.handle.slice(0, 16).toUpperCase()}"`,
    'last-modified': new Date().toUTCString(),
  };
}

/** undefined for a chunked body, which doesn't say its length. */
function bodyLength(request: IncomingMessage): number | undefined {
  const length = request.headers['content-length'];
  if (length !== undefined) return Number.parseInt(length, 10);
  return request.headers['transfer-encoding'] === undefined ? 0 : undefined;
}
