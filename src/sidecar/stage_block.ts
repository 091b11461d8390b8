import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { PartsAnswer, PartsRequest } from '../protocol/cache.ts';
import { readBody } from './read_body.ts';
import { Refused, unavailable } from './refusal.ts';
import type { Block, Upload } from './uploads.ts';
import { takePartNumber } from './uploads.ts';
import type { Upstream } from './upstream.ts';
import { refusedBy } from './upstream.ts';

/** A body of unknown length is cut into parts of so many bytes, the most that is ever held of it. */
const PIECE = 4 * 1024 * 1024;

/**
 * Streams a request's body into the store and tells which parts hold it. A signed URL is good for exactly its
 * length, so a body that doesn't say its own is cut into pieces; every other goes through in one, unbuffered.
 */
export async function stageBlock(
  upstream: Upstream,
  upload: Upload,
  source: IncomingMessage,
  length: number | undefined,
): Promise<Block> {
  if (length === undefined) return stagePieces(upstream, upload, source);
  if (length === 0) return stageNothing(source);
  const number = takePartNumber(upload);
  const url = await partUrl(upstream, upload, number, length);
  await putPart(upstream, url, source, length);
  return { parts: [number], size: length };
}

async function stageNothing(source: IncomingMessage): Promise<Block> {
  await readBody(source, 0);
  return { parts: [], size: 0 };
}

async function stagePieces(upstream: Upstream, upload: Upload, source: IncomingMessage): Promise<Block> {
  const block: Block = { parts: [], size: 0 };
  let piece: Buffer[] = [];
  let size = 0;
  const flush = async () => {
    if (size === 0) return;
    const number = takePartNumber(upload);
    const url = await partUrl(upstream, upload, number, size);
    await putPart(upstream, url, piece, size);
    block.parts.push(number);
    block.size += size;
    piece = [];
    size = 0;
  };
  for await (const chunk of source as AsyncIterable<Buffer>) {
    piece.push(chunk);
    size += chunk.length;
    if (size >= PIECE) await flush();
  }
  if (!source.complete) throw new Error('the client went away');
  await flush();
  return block;
}

async function partUrl(
  upstream: Upstream,
  upload: Upload,
  number: number,
  sizeBytes: number,
): Promise<string> {
  const request: PartsRequest = { parts: [{ number, sizeBytes }] };
  const answer = await upstream.json<PartsAnswer>({
    method: 'POST',
    path: `${upload.path}/parts`,
    body: JSON.stringify(request),
    idempotent: true,
    jobToken: upload.jobToken,
  });
  const url = answer.parts.find((part) => part.number === number)?.url;
  if (url === undefined) throw unavailable('the api gave no URL for a part');
  return url;
}

/** PUTs exactly `size` bytes; when either side breaks off, the other is let go and the part does not exist. */
function putPart(
  upstream: Upstream,
  url: string,
  source: IncomingMessage | Buffer[],
  size: number,
): Promise<void> {
  const headers = { 'content-length': size, 'content-type': 'application/octet-stream' };
  const request = upstream.signed({ method: 'PUT', url, headers });
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      if (!Array.isArray(source)) source.unpipe(request);
      request.destroy();
      reject(error);
    };
    request.once('error', (error: NodeJS.ErrnoException) =>
      fail(unavailable(`the store did not take a part (${error.code ?? error.name})`)),
    );
    request.once('response', (response) => {
      readBody(response, 64 * 1024).then((body) => {
        const status = response.statusCode ?? 502;
        if (status < 300) return resolve();
        fail(refusedBy({ status, body, contentType: '', retryAfter: response.headers['retry-after'] }));
      }, fail);
    });
    if (Array.isArray(source)) {
      for (const chunk of source) request.write(chunk);
      request.end();
      return;
    }
    watchLength(source, size, fail);
    source.once('error', fail);
    source.once('close', () => {
      if (!source.complete) fail(new Error('the client went away'));
    });
    source.pipe(request);
  });
}

/**
 * A chunked body may be longer or shorter than the range it claims; one with a Content-Length may not, as the
 * HTTP parser holds it to that, and so pays nothing here. Must be called before the pipe: at the end of a short
 * body the request has to be broken off before the pipe ends it.
 */
function watchLength(
  source: Readable & Pick<IncomingMessage, 'headers'>,
  size: number,
  fail: (error: Error) => void,
): void {
  if (source.headers['content-length'] !== undefined) return;
  let seen = 0;
  const mismatch = () =>
    fail(new Refused('cache-size-mismatch', 400, 'the body is not as long as its range says'));
  source.on('data', (chunk: Buffer) => {
    const before = seen;
    seen += chunk.length;
    if (seen > size && before <= size) mismatch();
  });
  source.once('end', () => {
    if (seen < size) mismatch();
  });
}
