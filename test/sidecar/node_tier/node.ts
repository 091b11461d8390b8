import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { ENTRY_PATH } from '../../../src/cache/blobs/signed_url.ts';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import { buildCacheApi } from '../../support/cache_api.ts';
import { prepareSidecar, type SidecarProcess, startSidecar } from '../sidecar_process.ts';
import { ACCESS, CACHE_SERVICE, POD_TOKEN, urlOf } from '../stand.ts';

export const MIB = 1024 * 1024;
const VERSION = 'ab'.repeat(32);

/** A node with a folder that its sidecars share, and the real api that counts what it serves of entries' bytes. */
export interface Node {
  cache: Cache;
  folder: string;
  apiUrl: string;
  /** Bytes of entries that the api has sent since the last call. */
  served(): Promise<number>;
  /** A sidecar of the bundle, as a process of its own. */
  sidecar(env?: Record<string, string>): Promise<SidecarProcess>;
  /** Names of the files in the folder that end so. */
  files(end: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function startNode(limit: number): Promise<Node> {
  const prepared = await prepareSidecar(POD_TOKEN);
  const root = await mkdtemp(join(tmpdir(), 'harrier-node-'));
  const folder = join(root, 'tier');
  await mkdir(folder, { mode: 0o700 });
  const log = pino({ level: 'silent' });
  const cache = await openCache({ dataDir: join(root, 'data'), clock: Date.now, log });
  const api = await buildCacheApi(cache, { [POD_TOKEN]: ACCESS });
  let bytes = 0;
  let open = 0;
  api.server.prependListener('request', ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    if (!url.startsWith(ENTRY_PATH)) return;
    open++;
    response.once('close', () => {
      open--;
      bytes += Number(response.getHeader('content-length') ?? 0);
    });
  });
  await api.listen({ host: '127.0.0.1', port: 0 });
  const apiUrl = urlOf(api.server);
  const started = new Set<SidecarProcess>();
  return {
    ...{ cache, folder, apiUrl },
    async served() {
      // The client may have all of an answer before its server knows.
      await until('the end of all answers', async () => open === 0);
      const sent = bytes;
      bytes = 0;
      return sent;
    },
    async sidecar(env = {}) {
      const one = await startSidecar(prepared.bundle, {
        HARRIER_API_URL: apiUrl,
        HARRIER_TOKEN_FILE: prepared.tokenFile,
        HARRIER_NODE_CACHE_DIR: folder,
        HARRIER_NODE_CACHE_BYTES: String(limit),
        ...env,
      });
      started.add(one);
      return one;
    },
    files: async (end) => (await readdir(folder)).filter((name) => name.endsWith(end)),
    async close() {
      // Gone for good, before their folder goes.
      await Promise.all(
        [...started].map(({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return undefined;
          const gone = once(child, 'exit');
          child.kill('SIGKILL');
          return gone;
        }),
      );
      const closed = api.close();
      api.server.closeAllConnections();
      await closed;
      await cache.close();
      await prepared.remove();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function twirp(sidecarUrl: string, method: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${sidecarUrl}${CACHE_SERVICE}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ version: VERSION, ...body }),
  });
  return (await answer.json()) as Record<string, unknown>;
}

/** Saves random bytes through a sidecar; answers them. */
export async function save(sidecarUrl: string, key: string, size: number): Promise<Buffer> {
  const bytes = randomBytes(size);
  const { signed_upload_url: url } = await twirp(sidecarUrl, 'CreateCacheEntry', { key });
  const headers = { 'x-ms-blob-type': 'BlockBlob' };
  const put = await fetch(String(url), { method: 'PUT', headers, body: bytes });
  if (put.status !== 201) throw new Error(`PUT answered ${put.status}`);
  const done = await twirp(sidecarUrl, 'FinalizeCacheEntryUpload', { key, size_bytes: size });
  if (done.ok !== true) throw new Error(`not saved: ${JSON.stringify(done)}`);
  return bytes;
}

/** The local URL of an entry, or undefined for a miss. */
export async function find(sidecarUrl: string, key: string): Promise<string | undefined> {
  const found = await twirp(sidecarUrl, 'GetCacheEntryDownloadURL', { key });
  return found.ok === true ? String(found.signed_download_url) : undefined;
}

export async function restore(sidecarUrl: string, key: string): Promise<Buffer> {
  const answer = await fetch(String(await find(sidecarUrl, key)));
  if (answer.status !== 200) throw new Error(`GET answered ${answer.status}: ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** As @actions/cache does it in parallel: 4 MiB ranges, eight at a time. */
export async function restoreInRanges(
  sidecarUrl: string,
  key: string,
  size: number,
  step = 4 * MIB,
): Promise<Buffer> {
  const url = String(await find(sidecarUrl, key));
  const whole = Buffer.alloc(size);
  const starts = Array.from({ length: Math.ceil(size / step) }, (_, index) => index * step);
  const lane = async () => {
    for (let start = starts.pop(); start !== undefined; start = starts.pop()) {
      const end = Math.min(start + step, size) - 1;
      const answer = await fetch(url, { headers: { 'x-ms-range': `bytes=${start}-${end}` } });
      if (answer.status !== 206) throw new Error(`a range answered ${answer.status}`);
      whole.set(new Uint8Array(await answer.arrayBuffer()), start);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return whole;
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Deletes an entry as those do who look after the cache. */
export async function forget({ cache }: Node, key: string): Promise<void> {
  const entries = await cache.management.withKey([ACCESS.tenant], key);
  const ids = entries.map((one) => one.id);
  const removed = await cache.management.remove(ACCESS.tenant, ids);
  if (removed.length !== 1) throw new Error(`${removed.length} entries of ${key} were removed`);
}
