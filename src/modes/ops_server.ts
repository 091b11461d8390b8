import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Health and metrics for kubelet and Prometheus: GET /healthz, /readyz, /metrics. */
export async function startOpsServer(options: {
  port: number;
  /** Absent for all addresses. */
  host?: string | undefined;
  registry: Registry;
  ready: () => boolean;
}): Promise<OpsServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    void answer(request.url ?? '/', response, options);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function answer(
  url: string,
  response: ServerResponse,
  { registry, ready }: { registry: Registry; ready: () => boolean },
): Promise<void> {
  const path = url.split('?', 1)[0];
  if (path === '/healthz') return plain(response, 200, 'ok');
  if (path === '/readyz') return ready() ? plain(response, 200, 'ok') : plain(response, 503, 'not ready');
  if (path !== '/metrics') return plain(response, 404, 'not found');
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    plain(response, 500, 'metrics failed');
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
