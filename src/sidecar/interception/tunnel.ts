import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pairs } from '../forward_headers.ts';
import type { ResultsUpstream } from '../results_upstream.ts';

/** How long a silent line may be before the kernel asks whether the other end is there. */
const PROBE_AFTER_MS = 30_000;

/**
 * Carries an upgrade (the runner's live log is a WebSocket): the request's head as it came, then bytes from socket to
 * socket, the answer among them, so that nobody here reads any of it.
 */
export function tunnel(
  { base, lookup, ca }: ResultsUpstream,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): void {
  const upstream = connect(base, lookup, ca);
  // Each ends or breaks the other; neither end has anybody left to tell.
  for (const end of ['error', 'close']) client.once(end, () => upstream.destroy());
  upstream.once('error', () => client.destroy());
  // What has arrived still goes out.
  upstream.once('close', () => (client as Socket).destroySoon());
  upstream.once(base.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
    for (const socket of [client as Socket, upstream])
      socket.setTimeout(0).setNoDelay(true).setKeepAlive(true, PROBE_AFTER_MS);
    upstream.write(headOf(request, base.host), 'latin1');
    if (head.length > 0) upstream.write(head);
    client.pipe(upstream).pipe(client);
  });
}

function connect(base: URL, lookup: ResultsUpstream['lookup'], ca: ResultsUpstream['ca']): Socket {
  const tls = base.protocol === 'https:';
  const to = {
    host: base.hostname,
    port: Number(base.port) || (tls ? 443 : 80),
    ...(lookup === undefined ? {} : { lookup }),
  };
  if (!tls) return process.getBuiltinModule('node:net').connect(to);
  return process.getBuiltinModule('node:tls').connect({
    ...to,
    servername: base.hostname,
    ...(ca === undefined ? {} : { ca }),
  });
}

function headOf({ method, url, rawHeaders }: IncomingMessage, host: string): string {
  const kept = pairs(rawHeaders).filter(([name]) => name.toLowerCase() !== 'host');
  const lines = kept.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}\r\n`;
}
