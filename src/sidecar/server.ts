import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createCollector } from '../memory/collector.ts';
import { ArtifactDownloads } from './artifact_downloads.ts';
import { ARTIFACT_SERVICE_PREFIX, artifactHandler } from './artifact_service.ts';
import { ARTIFACT_PREFIX } from './artifact_urls.ts';
import { BLOB_PREFIX } from './blob_urls.ts';
import { blobHandler } from './blobs.ts';
import { CACHE_V1_PREFIX, cacheV1Handler } from './cache_v1.ts';
import { CACHE_SERVICE_PREFIX, cacheV2Handler } from './cache_v2.ts';
import type { Downloads } from './downloads.ts';
import type { Drain } from './drain.ts';
import { DRAIN_PATH, drainHandler } from './drain_endpoint.ts';
import { GITEA_REGISTRATION_PREFIX, giteaRegistrationHandler } from './gitea_registration.ts';
import type { Handler } from './handlers.ts';
import { sendJson } from './handlers.ts';
import { held } from './hold.ts';
import type { Log } from './log.ts';
import { http } from './node_http.ts';
import type { NodeTier } from './node_tier/node_tier.ts';
import { restoreOrigin } from './restore_origin.ts';
import { resultsHandler } from './results_passthrough.ts';
import { sendRevoked } from './revoked.ts';
import { type RunnerReports, runnerHandler } from './runner_passthrough.ts';
import { LONGEST_ARRIVAL, LONGEST_SILENCE, watchArrival } from './slow_clients.ts';
import type { Uploads } from './uploads.ts';
import type { Upstream } from './upstream.ts';
import { SOCKET_BUFFER } from './upstream.ts';

export interface SidecarParts {
  upstream: Upstream;
  uploads: Uploads;
  downloads: Downloads;
  resultsUpstream: string | undefined;
  /** What other runners of the node have restored; absent where nothing is kept on it. */
  nodeTier?: NodeTier | undefined;
  /** Whether artifacts are served by Harrier; else they go to the results upstream. */
  artifacts?: boolean | undefined;
  /** The pod's alias for its loopback under which @actions/cache restores in parallel. */
  blobHost?: string | undefined;
  reports: RunnerReports;
  /** Silence in the middle of a request after which it is given up, in ms; a minute unless told. */
  silence?: number | undefined;
  /** Resolves when the api knows the runner for one that may work. */
  working: Promise<void>;
  /** In agent mode alone: whether the runner is wanted gone. */
  drain?: Drain | undefined;
  log: Log;
}

/** The sidecar's own server, which may be told that its runner's identity is dead. */
export interface SidecarServer {
  server: Server;
  /** From now on everything is 401, and what is under way is cut. */
  revoke(): void;
}

/** The server on loopback, which the job's programs take for the forge's own results and cache service. */
export function createSidecarServer(parts: SidecarParts): SidecarServer {
  const { upstream, uploads, downloads, working, drain, log } = parts;
  let revoked = false;
  const results = resultsHandler(parts.resultsUpstream);
  const collector = createCollector();
  const routes: readonly (readonly [string, Handler])[] = [
    [BLOB_PREFIX, blobHandler(upstream, uploads, downloads, parts.nodeTier)],
    [CACHE_SERVICE_PREFIX, held(cacheV2Handler(upstream, uploads, downloads), working)],
    [CACHE_V1_PREFIX, held(cacheV1Handler(upstream, uploads, downloads), working)],
    ...(parts.artifacts === true ? artifactRoutes(parts) : []),
    ...(drain === undefined ? [] : [[DRAIN_PATH, drainHandler(drain)] as const]),
    [GITEA_REGISTRATION_PREFIX, giteaRegistrationHandler()],
    ['/v1/', runnerHandler(upstream, parts.reports)],
    [HEALTH_PATH, async ({ response }) => sendJson(response, 200, { status: 'ok' })],
  ];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '/', search = ''] = splitOnce(request.url ?? '/', '?');
    if (revoked && path !== HEALTH_PATH) return sendRevoked(response);
    const handler = routes.find(([prefix]) => path.startsWith(prefix))?.[1] ?? results;
    const origin = `http://${originHost(request)}`;
    watchArrival(request, response, parts.silence ?? LONGEST_SILENCE);
    collector.begin();
    try {
      await handler({
        request,
        response,
        path,
        query: new URLSearchParams(search),
        origin,
        restoreOrigin: restoreOrigin(origin, request.headers['user-agent'], parts.blobHost),
      });
    } catch (error) {
      // The query is left out: on a blob path it is a signature.
      const fault = error instanceof Error ? error.message : 'unknown';
      log('warn', 'request failed', { method: request.method, path: loggable(path), fault });
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { code: 'internal', msg: 'the sidecar failed' });
    } finally {
      collector.end();
    }
  };

  const server = http.createServer(
    { highWaterMark: SOCKET_BUFFER, keepAliveTimeout: 75_000 },
    (request, response) => void handle(request, response),
  );
  // The default of five minutes would cut the upload of a large block over a slow store.
  server.requestTimeout = LONGEST_ARRIVAL;
  return {
    server,
    revoke() {
      revoked = true;
      server.closeAllConnections();
    },
  };
}

function artifactRoutes({ upstream, uploads, working }: SidecarParts) {
  const downloads = new ArtifactDownloads(upstream);
  return [
    [ARTIFACT_PREFIX, downloads.handler],
    [ARTIFACT_SERVICE_PREFIX, held(artifactHandler(upstream, uploads, downloads), working)],
  ] as const;
}

const HEALTH_PATH = '/healthz';

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The name the client called us by goes into local URLs, so that they work from wherever it stands. */
function originHost(request: IncomingMessage): string {
  const host = request.headers.host ?? '';
  if (/^[a-z0-9.-]+(:\d{1,5})?$/i.test(host) || /^\[[0-9a-f:.]+\](:\d{1,5})?$/i.test(host)) return host;
  return `127.0.0.1:${request.socket.localPort ?? 0}`;
}

function loggable(path: string): string {
  return (
    [BLOB_PREFIX, ARTIFACT_PREFIX].find((one) => path.startsWith(one))?.concat('…') ?? path.slice(0, 200)
  );
}
