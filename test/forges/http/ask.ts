import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { listedHosts } from '../../../src/egress/allowed_hosts.ts';
import type { ForgeError } from '../../../src/forges/forge_error.ts';
import { createForgeHttp, type ForgeHttpOptions } from '../../../src/forges/http/create_forge_http.ts';
import type { ForgeCall, ForgeHttp } from '../../../src/forges/http/forge_http.ts';
import { poolForge } from '../../../src/resources/pool_forge.ts';

export interface Listening {
  port: number;
  /** Paths that were asked, in order. */
  asked: string[];
  close(): Promise<void>;
}

/** A server on loopback, over TLS where a certificate is given. */
export async function listen(
  serve: RequestListener,
  tls?: { key: string; cert: string },
): Promise<Listening & { server: Server }> {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    asked.push(request.url ?? '');
    serve(request, response);
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    asked,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A client for the forge at this URL, of a pool whose Secret is called `forge-credentials`. */
export function clientFor(
  url: string,
  {
    hosts = ['*', '127.0.0.1'],
    proxy,
    ...options
  }: Partial<ForgeHttpOptions> & { hosts?: string[]; proxy?: string } = {},
): ForgeHttp {
  const forge = poolForge.parse({
    type: 'gitea',
    url,
    credentialsSecretRef: { name: 'forge-credentials' },
    ...(proxy === undefined ? {} : { proxy: { url: proxy } }),
  });
  return createForgeHttp({
    forge: { ...forge, url },
    secret: {},
    allowed: listedHosts(hosts),
    // What a pause is for is not what these tests are about.
    pause: async () => undefined,
    ...options,
  });
}

export const RUNNERS = z.object({ runners: z.array(z.object({ id: z.int() })) });

/** One call, by default GET /runners with `{"runners": […]}` for an answer. */
export function ask(http: ForgeHttp, call: Partial<ForgeCall<z.infer<typeof RUNNERS>>> = {}) {
  return http.call({ method: 'GET', path: '/runners', answer: RUNNERS, doing: 'list the runners', ...call });
}

export async function failure(call: Promise<unknown>): Promise<ForgeError> {
  return call.then(
    (value) => {
      throw new Error(`succeeded: ${JSON.stringify(value)}`);
    },
    (error: ForgeError) => error,
  );
}
