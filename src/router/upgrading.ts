import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type Exchange, Forwarding } from './forwarding.ts';
import { responseHeaders } from './headers.ts';

export interface UpgradeExchange extends Exchange {
  socket: Socket;
  /** What came behind the request's headers. */
  head: Buffer;
  /** The two are one line from now on. */
  joined(client: Socket, upstream: Socket): void;
}

/** How long a silent line may be before the kernel asks whether the other end is there. */
const PROBE_AFTER_MS = 30_000;

/**
 * Carries a WebSocket: once the api has agreed, bytes go from socket to socket and nobody here reads frames, so that a
 * message of any size needs no room. An answer other than 101 is carried like any other.
 */
export class Upgrading extends Forwarding {
  readonly #exchange: UpgradeExchange;

  constructor(exchange: UpgradeExchange) {
    super(exchange);
    this.#exchange = exchange;
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    _status: number,
    headers: IncomingHttpHeaders,
    upstream: Duplex,
  ): void {
    const { socket: client, head, response, cell, answered, joined } = this.#exchange;
    cell.answered();
    answered(101);
    this.finish();
    response.detachSocket(client);
    // undici speaks of a Duplex; over HTTP/1.1 it is the connection's own socket.
    const other = upstream as Socket;
    for (const socket of [client, other])
      socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, PROBE_AFTER_MS);
    joined(client, other);
    client.write(switching(headers));
    if (head.length > 0) other.write(head);
    // Each ends or breaks the other; neither end has anybody left to tell.
    pipeline(client, other, () => {});
    pipeline(other, client, () => {});
  }
}

function switching(headers: IncomingHttpHeaders): string {
  const kept = Object.entries(responseHeaders(headers, { withTrailers: false }));
  const lines = kept.flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n${lines.join('')}\r\n`;
}
