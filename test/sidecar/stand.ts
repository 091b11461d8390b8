import { mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { S3Options } from '../../src/cache/blobs/s3/options.ts';
import { type Cache, type CacheOptions, openCache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import { JOB_TOKEN_HEADER } from '../../src/protocol/job_token.ts';
import type { JobIdentityIssuer } from '../../src/resources/pool_cache.ts';
import type { Api } from '../../src/runtime/server.ts';
import { Downloads } from '../../src/sidecar/downloads.ts';
import { createSidecarServer } from '../../src/sidecar/server.ts';
import { postReports } from '../../src/sidecar/state_reports.ts';
import { openTokenFile } from '../../src/sidecar/token_file.ts';
import { Uploads } from '../../src/sidecar/uploads.ts';
import { connectUpstream, type Upstream } from '../../src/sidecar/upstream.ts';
import { buildCacheApi } from '../support/cache_api.ts';

/** The token in the file of a stand's sidecar, and the only bearer that the api there knows at first. */
export const POD_TOKEN = 'token-of-the-pod';
/** What the job sends: never the pod's. */
export const JOB_TOKEN = 'token-of-the-job';
export const CACHE_SERVICE = '/twirp/github.actions.results.api.v1.CacheService';

export interface Stand {
  /** Base URL of the sidecar. */
  url: string;
  apiUrl: string;
  cache: Cache;
  dataDir: string;
  /** Who the api knows, by bearer; changes count at once. */
  callers: Record<string, CacheAccess & { jobIdentity?: JobIdentityIssuer }>;
  /** Method, path, Authorization and the job's token of every request that has reached the api. */
  seen: { method: string; path: string; authorization: string | undefined; jobToken: unknown }[];
  uploads: Uploads;
  /** Bytes that have gone through the api's connections, both ways. */
  apiBytes(): number;
  /** Moves the api's clock, in milliseconds. */
  advance(milliseconds: number): void;
  /** Puts another token in place as the kubelet does, by swapping a symlink. */
  rotateToken(token: string): Promise<void>;
  twirp(method: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }>;
  close(): Promise<void>;
}

export const ACCESS: CacheAccess = {
  enabled: true,
  tenant: 'acme/app',
  pool: 'runners/pool',
  scopes: [{ name: 'refs/heads/main', permission: 'ReadWrite' }],
};

/** The real api with its cache on a folder, and a sidecar before it, both in this process. */
export async function startStand(
  options: {
    resultsUpstream?: string;
    blobHost?: string;
    silence?: number;
    s3?: S3Options;
    cache?: Partial<CacheOptions>;
  } = {},
): Promise<Stand> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-sidecar-'));
  const dataDir = join(folder, 'data');
  let ahead = 0;
  const log = pino({ level: 'silent' });
  const cache = await openCache({
    dataDir,
    clock: () => Date.now() + ahead,
    s3: options.s3,
    ...options.cache,
    log,
  });
  const callers: Stand['callers'] = { [POD_TOKEN]: ACCESS };
  const api = await buildCacheApi(cache, callers);
  const seen: Stand['seen'] = [];
  api.server.prependListener('request', (request: IncomingMessage) => {
    const { method = '', url = '', headers } = request;
    seen.push({
      method,
      path: url.split('?')[0] ?? '',
      authorization: headers.authorization,
      jobToken: headers[JOB_TOKEN_HEADER],
    });
  });
  const sockets: Socket[] = [];
  api.server.on('connection', (socket) => sockets.push(socket));
  await api.listen({ host: '127.0.0.1', port: 0 });
  const apiUrl = urlOf(api.server);

  const tokenFile = join(folder, 'token');
  const rotateToken = async (token: string) => {
    const target = join(folder, `token-${Math.random()}`);
    await writeFile(target, token);
    await unlink(tokenFile).catch(() => undefined);
    await symlink(target, tokenFile);
  };
  await rotateToken(POD_TOKEN);
  const upstream = connectUpstream({ apiUrl, token: openTokenFile(tokenFile) });
  const uploads = new Uploads();
  const { server } = createSidecarServer({
    upstream,
    uploads,
    downloads: new Downloads(upstream),
    resultsUpstream: options.resultsUpstream,
    blobHost: options.blobHost,
    silence: options.silence,
    reports: { reports: postReports(upstream), onReport: () => {} },
    working: Promise.resolve(),
    log: () => {},
  });
  await listen(server);
  const url = urlOf(server);

  return {
    url,
    apiUrl,
    cache,
    dataDir,
    callers,
    seen,
    uploads,
    apiBytes: () => sockets.reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, 0),
    rotateToken,
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
    async twirp(method, body) {
      const answer = await fetch(`${url}${CACHE_SERVICE}/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${JOB_TOKEN}` },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    close: () => shut(server, upstream, api, cache, folder),
  };
}

async function shut(server: Server, upstream: Upstream, api: Api, cache: Cache, folder: string) {
  server.close();
  server.closeAllConnections();
  upstream.close();
  const closed = api.close();
  api.server.closeAllConnections();
  await closed;
  await cache.close();
  await rm(folder, { recursive: true, force: true });
}

/** Resolves when a sidecar has come to all that was sent to it before: it takes what comes in turn. */
export async function caughtUp(url: string): Promise<void> {
  // What it takes from a socket it may be done with a turn of its event loop later.
  for (let turn = 0; turn < 5; turn++) await (await fetch(`${url}/healthz`)).text();
}

export function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

export function urlOf(server: { address(): AddressInfo | string | null }): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of the test's own, closed with `close`. */
export async function serve(
  handler: Parameters<typeof createServer>[1],
): Promise<{ url: string; close(): void }> {
  const server = createServer(handler as never);
  await listen(server);
  return {
    url: urlOf(server),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Saves bytes through the block-blob protocol, as the stock clients do; answers Finalize's answer. */
export async function save(stand: Stand, key: string, version: string, bytes: Uint8Array) {
  const { body } = await stand.twirp('CreateCacheEntry', { key, version });
  const put = await fetch(String(body.signed_upload_url), {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    body: Buffer.from(bytes),
  });
  if (put.status !== 201) throw new Error(`PUT answered ${put.status}: ${await put.text()}`);
  return stand.twirp('FinalizeCacheEntryUpload', { key, version, size_bytes: String(bytes.length) });
}
