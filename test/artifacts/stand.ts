import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { ArtifactIndex } from '../../src/artifacts/index/index.ts';
import { openArtifactIndex } from '../../src/artifacts/index/open.ts';
import { type Artifacts, openArtifacts } from '../../src/artifacts/open.ts';
import type { S3Options } from '../../src/cache/blobs/s3/options.ts';
import { type Cache, openCache } from '../../src/cache/open.ts';
import { Downloads } from '../../src/sidecar/downloads.ts';
import { createSidecarServer } from '../../src/sidecar/server.ts';
import { postReports } from '../../src/sidecar/state_reports.ts';
import { openTokenFile } from '../../src/sidecar/token_file.ts';
import { Uploads } from '../../src/sidecar/uploads.ts';
import { connectUpstream, type Upstream } from '../../src/sidecar/upstream.ts';
import { ACCESS, listen, urlOf } from '../sidecar/stand.ts';
import { buildCacheApi } from '../support/cache_api.ts';

export const ARTIFACT_SERVICE = '/twirp/github.actions.results.api.v1.ArtifactService';
const ARTIFACTS = { maxRetentionDays: 90 };
type Callers = Parameters<typeof buildCacheApi>[1];

/** Runners of one repository in two pods, of another repository, and of pools without artifacts or with a small quota. */
export const CALLERS = {
  'pod-1': { ...ACCESS, artifacts: ARTIFACTS },
  'pod-2': { ...ACCESS, artifacts: ARTIFACTS },
  stranger: { ...ACCESS, tenant: 'acme/other', artifacts: ARTIFACTS },
  without: { ...ACCESS, tenant: 'acme/without' },
  /** Its jobs must show a token that their forge signed. */
  'of-jobs': {
    ...{ ...ACCESS, tenant: 'acme/jobs', artifacts: ARTIFACTS },
    jobIdentity: { issuer: 'https://forge.test', jwksUrl: 'http://127.0.0.1:1/keys' },
  },
  small: { ...ACCESS, tenant: 'acme/small', artifacts: { maxRetentionDays: 1, quotaBytes: 1000 } },
} satisfies Callers;
export type Caller = keyof typeof CALLERS;

export interface ArtifactStand {
  /** Base URL of each caller's own sidecar. */
  urls: Record<Caller, string>;
  apiUrl: string;
  artifacts: Artifacts;
  index: ArtifactIndex;
  cache: Cache;
  dataDir: string;
  /** Method and path of every request that has reached the api. */
  seen: { method: string; path: string }[];
  /** Moves the api's clock, in milliseconds. */
  advance(milliseconds: number): void;
  twirp(caller: Caller, method: string, body: unknown): Promise<{ status: number; body: Answer }>;
  close(): Promise<void>;
}
export type Answer = Record<string, unknown>;

/** The real api with cache and artifacts on a folder, and a sidecar for each caller before it, all in this process. */
export async function startArtifactStand(options: { s3?: S3Options } = {}): Promise<ArtifactStand> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-artifacts-'));
  const dataDir = join(folder, 'data');
  let ahead = 0;
  const clock = () => Date.now() + ahead;
  const log = pino({ level: 'silent' });
  const index = await openArtifactIndex(dataDir);
  const cache = await openCache({ dataDir, clock, neighbours: [index], s3: options.s3, log });
  const artifacts = openArtifacts({ index, stores: cache.stores, clock, log });
  const api = await buildCacheApi(cache, CALLERS, log, artifacts);
  const seen: ArtifactStand['seen'] = [];
  api.server.prependListener('request', ({ method = '', url = '' }: IncomingMessage) => {
    seen.push({ method, path: url.split('?')[0] ?? '' });
  });
  await api.listen({ host: '127.0.0.1', port: 0 });
  const apiUrl = urlOf(api.server);
  const running: { server: Server; upstream: Upstream }[] = [];
  const urls: Record<string, string> = {};
  for (const caller of Object.keys(CALLERS)) {
    const tokenFile = join(folder, `token-${caller}`);
    await writeFile(tokenFile, caller);
    const upstream = connectUpstream({ apiUrl, token: openTokenFile(tokenFile) });
    const { server } = createSidecarServer({
      upstream,
      uploads: new Uploads(),
      downloads: new Downloads(upstream),
      resultsUpstream: undefined,
      artifacts: true,
      reports: { reports: postReports(upstream), onReport: () => {} },
      working: Promise.resolve(),
      log: () => {},
    });
    await listen(server);
    urls[caller] = urlOf(server);
    running.push({ server, upstream });
  }
  return {
    urls: urls as Record<Caller, string>,
    ...{ apiUrl, artifacts, index, cache, dataDir, seen },
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
    async twirp(caller, method, body) {
      const answer = await fetch(`${urls[caller]}${ARTIFACT_SERVICE}/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: answer.status, body: (await answer.json()) as Answer };
    },
    async close() {
      for (const { server, upstream } of running) {
        server.close();
        server.closeAllConnections();
        upstream.close();
      }
      const closed = api.close();
      api.server.closeAllConnections();
      await closed;
      await artifacts.close();
      await cache.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
