import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { BlockList, Socket } from 'node:net';
import type { Logger } from 'pino';
import { refuseConnection } from '../http/refuse_connection.ts';
import { createCollector } from '../memory/collector.ts';
import type { Cell } from './cell.ts';
import type { Cells } from './cells.ts';
import { type Exchange, Forwarding, isLong, UNAVAILABLE } from './forwarding.ts';
import { requestHeaders } from './headers.ts';
import { ROUTER_LIMITS } from './limits.ts';
import type { RouterMetrics } from './metrics.ts';
import { refuse } from './refuse.ts';
import { rememberCells } from './remembered_cells.ts';
import { hasBody, RequestBody } from './request_body.ts';
import { route } from './route.ts';
import { Upgrading } from './upgrading.ts';

export interface RouterOptions {
  cells: Cells;
  metrics: RouterMetrics;
  log: Logger;
  /** Proxies whose X-Forwarded-… count. */
  trusted: BlockList;
  /** Whether requests may be sent here. */
  ready: () => boolean;
}

export interface Router {
  server: Server;
  /** Takes no more, and ends when what is under way has ended, at the latest after so long. */
  close(graceMs: number): Promise<void>;
}

/** The server in front of the cells. It knows of no request more than it takes to carry it. */
export function buildRouter({ cells, metrics, log, trusted, ready }: RouterOptions): Router {
  const lines = new Set<{ client: Socket; upstream: Socket }>();
  const verbose = log.isLevelEnabled('debug');
  const collector = createCollector();
  const cellOf = rememberCells();
  let closing = false;

  const server = createServer({
    maxHeaderSize: ROUTER_LIMITS.headerBytes,
    headersTimeout: ROUTER_LIMITS.headersTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: ROUTER_LIMITS.keepAliveTimeoutMs,
    // Whoever offers another protocol gets an answer in this one.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  });
  server.setTimeout(ROUTER_LIMITS.idleSocketTimeoutMs);
  server.on('clientError', refuseConnection);
  server.on('request', (request, response) => take(request, response, false));
  server.on('checkContinue', (request, response) => take(request, response, true));
  server.on('upgrade', upgrade);
  metrics.watch(() => ({
    ejected: new Map(cells.all().map((cell) => [cell.name, cell.ejected])),
    upgraded: lines.size,
  }));

  /** The cell that the request goes to; undefined when it was answered here. */
  function choose(request: IncomingMessage, response: ServerResponse): Cell | undefined {
    const { url = '', headers } = request;
    const end = closing ? { connection: 'close' } : {};
    const found = route({ url, authorization: headers.authorization }, cells, cellOf);
    if (found.to === 'itself') {
      const fine = found.path === '/healthz' || ready();
      response.writeHead(fine ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8', ...end });
      response.end(fine ? 'ok\n' : 'not ready\n');
      return undefined;
    }
    if (!cells.known) {
      metrics.refused('unavailable');
      const detail = 'The router has no table of cells yet.';
      refuse(request, response, { code: 'unavailable', detail }, { 'retry-after': '1', ...end });
      return undefined;
    }
    if (found.to === 'nobody') {
      metrics.refused(found.problem.code);
      refuse(request, response, found.problem, end);
      return undefined;
    }
    const cell = cells.get(found.cell);
    if (cell === undefined) throw new Error(`the table has lost the cell ${found.cell}`);
    if (!cell.ejected) return cell;
    metrics.answered(cell.name, 502);
    refuse(request, response, UNAVAILABLE, { 'retry-after': String(cell.retryAfterSeconds), ...end });
    return undefined;
  }

  function take(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const cell = choose(request, response);
    if (cell === undefined) return;
    const body = hasBody(request) ? new RequestBody(request) : null;
    const exchange = exchangeOf(request, response, cell, { expectsContinue });
    if (isLong(request.headers)) exchange.streams();
    cell.pool.dispatch({ ...sent(request), body }, new Forwarding(exchange));
  }

  function upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.end());
    // The server, which would do this, has let go of the socket.
    socket.on('drain', () => response.emit('drain'));
    const cell = choose(request, response);
    if (cell === undefined) return;
    const exchange = {
      ...exchangeOf(request, response, cell, { expectsContinue: false }),
      socket,
      head,
      joined(client: Socket, upstream: Socket) {
        const line = { client, upstream };
        lines.add(line);
        client.once('close', () => lines.delete(line));
      },
    };
    cell.pool.dispatch({ ...sent(request), upgrade: 'websocket' }, new Upgrading(exchange));
  }

  function exchangeOf(
    request: IncomingMessage,
    response: ServerResponse,
    cell: Cell,
    { expectsContinue }: Pick<Exchange, 'expectsContinue'>,
  ): Exchange {
    const { method } = request;
    let streaming = false;
    return {
      request,
      response,
      cell,
      expectsContinue,
      closing: () => closing,
      answered(status) {
        metrics.answered(cell.name, status);
        // Not the path: a URL may be signed.
        if (verbose) log.debug({ cell: cell.name, method, status }, 'answered');
      },
      streams() {
        if (streaming) return;
        streaming = true;
        collector.begin();
      },
      ended() {
        if (streaming) collector.end();
      },
    };
  }

  function sent(request: IncomingMessage) {
    const { url = '', method = '', headers, socket } = request;
    const peer = socket.remoteAddress;
    return {
      path: url,
      method,
      headers: requestHeaders({ headers, peer, trusted: peer !== undefined && isTrusted(peer, trusted) }),
    };
  }

  return {
    server,
    async close(graceMs) {
      closing = true;
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      // Whoever holds one reconnects, by then to another replica.
      for (const { client, upstream } of lines) {
        client.end();
        upstream.end();
      }
      const cut = setTimeout(() => {
        for (const { client } of lines) client.destroy();
        server.closeAllConnections();
      }, graceMs);
      await ended;
      clearTimeout(cut);
    },
  };
}

function isTrusted(peer: string, trusted: BlockList): boolean {
  return trusted.check(peer, peer.includes(':') ? 'ipv6' : 'ipv4');
}
