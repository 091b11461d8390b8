/**
 * What a cache can't be faster than: the cache protocol's three answers and a file, nothing checked, nothing kept.
 * Run as a process of its own: prints its port, ends on SIGTERM. argv[2] is the folder for the bytes.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

const folder = process.argv[2] ?? '.';
await mkdir(folder, { recursive: true });
const name = (id: string) => join(folder, createHash('sha256').update(id).digest('hex'));
/** Whole entries by key: the block files of each, in the committed order. */
const entries = new Map<string, string[]>();

async function twirp(method: string, body: { key: string }, base: string): Promise<unknown> {
  const url = `${base}/container/blob?key=${encodeURIComponent(body.key)}`;
  if (method === 'CreateCacheEntry') return { ok: true, signed_upload_url: url };
  if (method === 'FinalizeCacheEntryUpload') return { ok: true, entry_id: '1' };
  const found = entries.has(body.key);
  return found ? { ok: true, signed_download_url: url, matched_key: body.key } : { ok: false };
}

async function upload(request: IncomingMessage, url: URL): Promise<void> {
  const key = url.searchParams.get('key') ?? '';
  if (url.searchParams.get('comp') === 'blocklist') {
    const list = [...(await text(request)).matchAll(/<Latest>([^<]+)<\/Latest>/g)];
    entries.set(
      key,
      list.map((match) => name(key + match[1])),
    );
    return;
  }
  const file = name(key + (url.searchParams.get('blockid') ?? ''));
  await pipeline(request, createWriteStream(`${file}.tmp`, { highWaterMark: 1024 * 1024 }));
  await rename(`${file}.tmp`, file);
  if (url.searchParams.get('comp') === null) entries.set(key, [file]);
}

async function download(response: ServerResponse, url: URL): Promise<void> {
  const files = entries.get(url.searchParams.get('key') ?? '') ?? [];
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  response.writeHead(200, { 'content-length': sizes.reduce((sum, size) => sum + size, 0) });
  for (const file of files)
    await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), response, { end: false });
  response.end();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = new URL(request.url ?? '/', base);
  if (url.pathname.startsWith('/twirp/')) {
    const body = JSON.parse(await text(request)) as { key: string };
    const reply = JSON.stringify(await twirp(url.pathname.split('/').pop() ?? '', body, base));
    response.writeHead(200, { 'content-type': 'application/json' }).end(reply);
  } else if (request.method === 'PUT') {
    await upload(request, url);
    response.writeHead(201, { etag: '"0"', 'x-ms-request-id': '0' }).end();
  } else await download(response, url);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error as Error));
});
server.listen(0, '127.0.0.1', () => {
  void writeFile(join(folder, 'port'), String((server.address() as AddressInfo).port)).then(() =>
    console.log((server.address() as AddressInfo).port),
  );
});
process.once('SIGTERM', () => process.exit(0));
