import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Agent, type Dispatcher } from 'undici';

/** Requests of one moment: where to, by which connections, with which headers. */
export interface Access {
  origin: string;
  /** Prefix of the cluster's URL before /api, without a final slash; mostly empty. */
  base: string;
  headers: Record<string, string>;
  requests: Dispatcher;
  watches: Dispatcher;
}

export interface AccessSource {
  /** `refresh` after a 401: the token or certificate may have been rotated. */
  current(refresh?: boolean): Promise<Access>;
  close(): Promise<void>;
}

/** How long credentials are used before KubeConfig is asked again; a rotated token file overlaps by minutes. */
const CREDENTIALS_FOR_MS = 10_000;

/** More at once did not go faster against one apiserver; further requests wait for a free connection. */
const REQUEST_CONNECTIONS = 48;

/**
 * kube-apiserver drops idle connections after 90 s; letting go well before it does means that no write is sent
 * into a connection that is just being closed, where nobody could tell whether it arrived.
 */
const IDLE_MS = 45_000;

const TLS_PARTS = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'] as const;

/**
 * KubeConfig knows every way of proving oneself (certificates, tokens, token files, exec plugins, OIDC); it would
 * open new connections for each request, so the connections are kept here and remade only when the TLS material
 * changes. Watches have connections of their own: each holds one for minutes.
 */
export function accessFrom(config: KubeConfig): AccessSource {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no current cluster');
  const url = new URL(cluster.server);
  const where = { origin: url.origin, base: url.pathname.replace(/\/+$/, '') };
  let known: { access: Access; tls: Record<string, unknown>; at: number } | undefined;
  let refreshing: Promise<Access> | undefined;

  async function read(): Promise<Access> {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const tls: Record<string, unknown> = {};
    for (const part of TLS_PARTS) {
      const value = (options as Record<string, unknown>)[part];
      if (value !== undefined) tls[part] = value;
    }
    const headers = headersFrom(options);
    if (known !== undefined && isDeepStrictEqual(known.tls, tls)) {
      known = { access: { ...known.access, headers }, tls, at: Date.now() };
      return known.access;
    }
    const old = known?.access;
    const [requests, watches] = cluster?.proxyUrl
      ? [await proxied(config), await proxied(config)]
      : [agent(tls, REQUEST_CONNECTIONS), agent(tls, null)];
    known = { access: { ...where, headers, requests, watches }, tls, at: Date.now() };
    // Requests under way finish on the old connections.
    if (old !== undefined) void Promise.allSettled([old.requests.close(), old.watches.close()]);
    return known.access;
  }

  return {
    async current(refresh = false) {
      if (known !== undefined && !refresh && Date.now() - known.at < CREDENTIALS_FOR_MS) return known.access;
      refreshing ??= read().finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
    async close() {
      const access = known?.access;
      known = undefined;
      if (access !== undefined) await Promise.all([access.requests.destroy(), access.watches.destroy()]);
    },
  };
}

/**
 * HTTP/1.1 on purpose: creates over one HTTP/2 connection took the same time and CPU (0.7 ms a request, 32 at once),
 * and there a single stalled connection would hold up every request.
 */
function agent(tls: Record<string, unknown>, connections: number | null): Agent {
  return new Agent({
    allowH2: false,
    connections,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    connect: { ...tls, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 15_000 },
  });
}

/** Through a proxy, KubeConfig's own dispatcher: it knows the HTTP and the SOCKS kinds. */
async function proxied(config: KubeConfig): Promise<Dispatcher> {
  let found: Dispatcher | undefined;
  const context = {
    setHeaderParam: () => undefined,
    setDispatcher: (dispatcher: Dispatcher) => {
      found = dispatcher;
    },
  };
  await config.applySecurityAuthentication(
    context as unknown as Parameters<KubeConfig['applySecurityAuthentication']>[0],
  );
  if (found === undefined) throw new Error('the kubeconfig names a proxy that is not supported');
  return found;
}

function headersFrom(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  if (options.auth) headers.authorization ??= `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}

/** KUBECONFIG, ~/.kube/config, or the pod's service account. */
export function defaultKubeConfig(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}
