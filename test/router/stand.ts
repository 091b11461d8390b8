import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BlockList } from 'node:net';
import { pino } from 'pino';
import { Cells } from '../../src/router/cells.ts';
import { createRouterMetrics, type RouterMetrics } from '../../src/router/metrics.ts';
import { buildRouter, type Router } from '../../src/router/server.ts';
import { jwtSaying } from './bearers.ts';

export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function shut(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

/** A cell's api, of the test's making: it is ready, or not, and answers all else as it is told. */
export function anUpstream(answer: RequestListener, ready = true): Server {
  return createServer((request, response) => {
    if (request.url === '/readyz') response.writeHead(ready ? 200 : 503).end();
    else answer(request, response);
  });
}

export interface Stand extends AsyncDisposable {
  router: Router;
  cells: Cells;
  metrics: RouterMetrics;
  url: string;
  port: number;
  logged(): string;
}

/** The real router before cells at these URLs; `now` is the clock by which ejections end. */
export async function aRouter(
  urls: Record<string, string>,
  trusted = new BlockList(),
  now = () => performance.now(),
): Promise<Stand> {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => lines.push(line) });
  const metrics = createRouterMetrics();
  const cells = new Cells({
    log,
    now,
    random: Math.random,
    onFailure: metrics.failed,
  });
  const named = Object.entries(urls).map(([name, url]) => [name, { url }]);
  if (named.length > 0) cells.use({ cells: Object.fromEntries(named) });
  const router = buildRouter({ cells, metrics, log, trusted, ready: () => cells.known });
  const url = await listen(router.server);
  return {
    router,
    cells,
    metrics,
    url,
    port: Number(new URL(url).port),
    logged: () => lines.join(''),
    async [Symbol.asyncDispose]() {
      await router.close(0);
      cells.close();
    },
  };
}

/** Headers of a request for that cell. */
export const to = (cell: string) => ({ authorization: `Bearer ${jwtSaying({ cell })}` });

export async function eventually<T>(
  attempt: () => T | Promise<T>,
  withinMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await attempt();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${attempt}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
