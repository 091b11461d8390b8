import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { ConfigMap } from '../../src/kube/kinds.ts';

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/**
 * An HTTP server that answers lists and watches of ConfigMaps and breaks as told: each list or watch is answered by
 * the next planned fault of its sort, or well when none is left.
 */
export async function breakingServer() {
  const server = createServer();
  const sockets = new Set<Socket>();
  const faults: { list: Answer[]; watch: Answer[]; other: Answer[] } = { list: [], watch: [], other: [] };
  const seen = {
    lists: 0,
    watches: 0,
    connections: 0,
    requests: [] as { url: URL; headers: IncomingMessage['headers'] }[],
  };
  const watches = new Set<ServerResponse>();
  const cluster = { version: 1, items: [] as ConfigMap[] };

  server.on('connection', (socket) => {
    seen.connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', 'http://server');
    seen.requests.push({ url, headers: request.headers });
    const watching = url.searchParams.get('watch') === 'true';
    const listing = !watching && request.method === 'GET' && url.pathname.endsWith('/configmaps');
    if (watching) seen.watches++;
    if (listing) seen.lists++;
    const fault = faults[watching ? 'watch' : listing ? 'list' : 'other'].shift();
    if (fault !== undefined) fault(response, request);
    else if (watching) openWatch(response);
    else if (listing)
      json(200, { metadata: { resourceVersion: String(cluster.version) }, items: cluster.items })(
        response,
        request,
      );
    else json(404, { reason: 'NotFound', message: 'no such thing', code: 404 })(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  function openWatch(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    watches.add(response);
    response.on('close', () => watches.delete(response));
  }

  return {
    cluster,
    faults,
    seen,
    openWatch,
    /** Watches that are open now. */
    watches,
    /** Writes raw text into all open watches. */
    write(text: string | Buffer): void {
      for (const watch of watches) watch.write(text);
    },
    event(type: string, object: unknown): void {
      this.write(`${JSON.stringify({ type, object })}\n`);
    },
    kubeConfig(token?: string): KubeConfig {
      const config = new KubeConfig();
      config.loadFromClusterAndUser(
        { name: 'it', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
        { name: 'me', ...(token === undefined ? {} : { token }) },
      );
      return config;
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

export const cut: Answer = (response) => void response.destroy();
