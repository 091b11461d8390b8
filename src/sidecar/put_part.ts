import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { PartsAnswer } from '../protocol/cache.ts';
import { readBody } from './read_body.ts';
import { Refused, unavailable } from './refusal.ts';
import { refusedBy } from './refused_by.ts';
import type { Upstream } from './upstream.ts';

const { crc32 } = process.getBuiltinModule('node:zlib');

export type PartTarget = Pick<PartsAnswer['parts'][number], 'url' | 'headers'>;

/** Tries of what can be sent again, and the pause before the first repetition, in ms. */
const TRIES = 4;
const BACKOFF = 200;
/** How long a store may take to ask for the body before it is sent unasked, in ms (RFC 9110 section 10.1.1). */
const CONTINUE_WITHIN = 1000;

/**
 * PUTs exactly `size` bytes and answers their CRC-32; when either side breaks off, the other is let go and the part does
 * not exist. What a store refuses before it has seen a byte of the body is tried again, and so is all that we still have.
 */
export async function putPart(
  upstream: Upstream,
  target: PartTarget,
  source: IncomingMessage | Buffer[],
  size: number,
): Promise<number> {
  const direct = /^https?:/i.test(target.url);
  if (!direct) return send(await open(upstream, target, size), source, size, refusedBy);
  for (let tries = 1; ; tries++) {
    try {
      const request = await open(
        upstream,
        target,
        size,
        Array.isArray(source) ? {} : { expect: '100-continue' },
      );
      if (!Array.isArray(source)) await asked(request);
      return await send(request, source, size, storeRefusal);
    } catch (error) {
      // The only holder of the URL is told that the object is there: an earlier try was whole, and its answer lost.
      if (error instanceof AlreadyThere && tries > 1 && Array.isArray(source)) return checksumOf(source);
      const again = error instanceof NothingSent || Array.isArray(source);
      if (!again || tries === TRIES || (!Array.isArray(source) && source.destroyed)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, BACKOFF * 2 ** (tries - 1)));
  }
}

function open(
  upstream: Upstream,
  { url, headers }: PartTarget,
  size: number,
  more: Record<string, string> = {},
): Promise<ClientRequest> {
  return upstream.store({
    method: 'PUT',
    url,
    headers: { 'content-type': 'application/octet-stream', ...headers, ...more, 'content-length': size },
  });
}

/** The store took no byte of the body. */
class NothingSent extends Refused {}
/** The store has an object of this name. */
class AlreadyThere extends Refused {}

/** What a store says is for the log of whoever runs it: the client is told to come again. */
function storeRefusal({ status }: { status: number }): Refused {
  if (status === 412) return new AlreadyThere('stale-write', 409, 'the store has this part already');
  return unavailable(`the store answered ${status}`);
}

/** Resolves when the store asks for the body, or doesn't say anything; throws NothingSent when it does not want it. */
function asked(request: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const nothing = (why: string) => {
      clearTimeout(silent);
      request.destroy();
      reject(new NothingSent('unavailable', 503, `the store did not take a part (${why})`));
    };
    const onError = (error: NodeJS.ErrnoException) => nothing(error.code ?? error.name);
    const onResponse = (response: IncomingMessage) => nothing(`it answered ${response.statusCode}`);
    const go = () => {
      clearTimeout(silent);
      request.off('error', onError);
      request.off('response', onResponse);
      resolve();
    };
    const silent = setTimeout(go, CONTINUE_WITHIN);
    // What a destroyed request still has to say is of no use to anybody.
    request.on('error', () => {});
    request.once('continue', go);
    request.once('error', onError);
    request.once('response', onResponse);
    request.flushHeaders();
  });
}

function send(
  request: ClientRequest,
  source: IncomingMessage | Buffer[],
  size: number,
  refusal: typeof refusedBy,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    const fail = (error: Error) => {
      if (!Array.isArray(source)) source.unpipe(request);
      request.destroy();
      reject(error);
    };
    request.on('error', (error: NodeJS.ErrnoException) =>
      fail(unavailable(`the store did not take a part (${error.code ?? error.name})`)),
    );
    request.once('response', (response) => {
      readBody(response, 64 * 1024).then((body) => {
        const status = response.statusCode ?? 502;
        if (status < 300) return resolve(seen);
        fail(refusal({ status, body, contentType: '', retryAfter: response.headers['retry-after'] }));
      }, fail);
    });
    if (Array.isArray(source)) {
      for (const chunk of source) request.write(chunk);
      request.end();
      seen = checksumOf(source);
      return;
    }
    if (source.destroyed && !source.complete) return fail(new Error('the client went away'));
    watchLength(source, size, fail);
    source.on('data', (chunk: Buffer) => {
      seen = crc32(chunk, seen);
    });
    source.once('error', fail);
    source.once('close', () => {
      if (!source.complete) fail(new Error('the client went away'));
    });
    source.pipe(request);
  });
}

function checksumOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => crc32(chunk, sum), 0);
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
