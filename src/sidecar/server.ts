import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
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
import { interceptedUpstream } from './interception/intercepted_upstream.ts';
import { createInterceptionServer } from './interception/server.ts';
import { JOIN_PATH } from './join/fetch_join.ts';
import type { Log } from './log.ts';
import { http } from './node_http.ts';
import type { NodeTier } from './node_tier/node_tier.ts';
import { restoreOrigin } from './restore_origin.ts';
import { resultsHandler } from './results_passthrough.ts';
import { resultsUpstream } from './results_upstream.ts';
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
  /** Folder of the certificate that we show for the results upstream, where its name leads to us. */
  interceptionFolder?: string | undefined;
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
  /** In pools with a forge alone: what the runner joins it with. */
  join?: Handler | undefined;
  /** Called when a request comes that only a job at work makes. */
  onJob?: (() => void) | undefined;
  log: Log;
}

/** The sidecar's own server, which may be told that its runner's identity is dead. */
export interface SidecarServer {
  server: Server;
  /** Stands for the results upstream, over TLS; absent where its name doesn't lead to us. */
  interception: TlsServer | undefined;
  /** From now on everything is 401, and what is under way is cut. */
  revoke(): void;
}

/** The server on loopback, which the job's programs take for the forge's own results and cache service. */
export function createSidecarServer(parts: SidecarParts): SidecarServer {
  const { upstream, uploads, downloads, working, drain, log } = parts;
  let revoked = false;
  const resultsAt = resultsOf(parts);
  const results = resultsHandler(resultsAt);
  const collector = createCollector();
  const artifacts = parts.artifacts === true ? artifactRoutes(parts) : undefined;
  /** What of the results service is answered here. */
  const ofResults: Routes = [
    [CACHE_SERVICE_PREFIX, held(cacheV2Handler(upstream, uploads, downloads), working)],
    ...(artifacts === undefined ? [] : [artifacts.service]),
  ];
  const routes: Routes = [
    [BLOB_PREFIX, blobHandler(upstream, uploads, downloads, parts.nodeTier)],
    ...ofResults,
    [CACHE_V1_PREFIX, held(cacheV1Handler(upstream, uploads, downloads), working)],
    ...(artifacts === undefined ? [] : [artifacts.downloads]),
    ...(drain === undefined ? [] : [[DRAIN_PATH, drainHandler(drain)] as const]),
    [GITEA_REGISTRATION_PREFIX, giteaRegistrationHandler()],
    ...(parts.join === undefined ? [] : [[JOIN_PATH, parts.join] as const]),
    [API_PREFIX, runnerHandler(upstream, parts.reports)],
    [HEALTH_PATH, async ({ response }) => sendJson(response, 200, { status: 'ok' })],
  ];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = pathOf(request);
    if (revoked && path !== HEALTH_PATH) return sendRevoked(response);
    watchArrival(request, response, parts.silence ?? LONGEST_SILENCE);
    await answer(request, response, routeOf(routes, path) ?? results, `http://${originHost(request)}`);
  };

  /** As the results service itself: what isn't ours goes there unread, a dead identity's logs too. */
  const intercept = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const own = routeOf(ofResults, pathOf(request));
    if (own !== undefined && revoked) return sendRevoked(response);
    if (own !== undefined) watchArrival(request, response, parts.silence ?? LONGEST_SILENCE);
    // Bytes need no TLS on the pod's loopback.
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await answer(request, response, own ?? results, `http://127.0.0.1:${port}`);
  };

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    handler: Handler,
    origin: string,
  ): Promise<void> {
    const path = pathOf(request);
    if (path !== HEALTH_PATH && !path.startsWith(API_PREFIX)) parts.onJob?.();
    collector.begin();
    try {
      await handler({
        request,
        response,
        path,
        query: new URLSearchParams((request.url ?? '').slice(path.length + 1)),
        origin,
        restoreOrigin: restoreOrigin(origin, request.headers['user-agent'], parts.blobHost),
      });
    } catch (error) {
      // The query is left out: on a blob path it is a signature. Of what isn't ours so is the path.
      const fault = error instanceof Error ? error.message : 'unknown';
      const at = handler === results ? {} : { path: loggable(path) };
      log('warn', 'request failed', { method: request.method, ...at, fault });
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { code: 'internal', msg: 'the sidecar failed' });
    } finally {
      collector.end();
    }
  }

  const server = http.createServer(
    { highWaterMark: SOCKET_BUFFER, keepAliveTimeout: 75_000 },
    (request, response) => void handle(request, response),
  );
  // The default of five minutes would cut the upload of a large block over a slow store.
  server.requestTimeout = LONGEST_ARRIVAL;
  const interception =
    parts.interceptionFolder === undefined || resultsAt === undefined
      ? undefined
      : createInterceptionServer({
          folder: parts.interceptionFolder,
          upstream: resultsAt,
          serve: (request, response) => void intercept(request, response),
        });
  return {
    server,
    interception,
    revoke() {
      revoked = true;
      server.closeAllConnections();
    },
  };
}

function resultsOf({ resultsUpstream: url, interceptionFolder: folder }: SidecarParts) {
  if (url === undefined) return undefined;
  return folder === undefined ? resultsUpstream(url) : interceptedUpstream(url, folder);
}

type Route = readonly [prefix: string, handler: Handler];
type Routes = readonly Route[];

function routeOf(routes: Routes, path: string): Handler | undefined {
  return routes.find(([prefix]) => path.startsWith(prefix))?.[1];
}

function artifactRoutes({ upstream, uploads, working }: SidecarParts): { service: Route; downloads: Route } {
  const downloads = new ArtifactDownloads(upstream);
  return {
    service: [ARTIFACT_SERVICE_PREFIX, held(artifactHandler(upstream, uploads, downloads), working)],
    downloads: [ARTIFACT_PREFIX, downloads.handler],
  };
}

const HEALTH_PATH = '/healthz';
/** Of the api's own routes, which a runner may ask before it has a job. */
const API_PREFIX = '/v1/';

function pathOf({ url = '/' }: IncomingMessage): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
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
