import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { ResultsUpstream } from '../results_upstream.ts';
import { SOCKET_BUFFER } from '../upstream.ts';
import { followLeaf } from './leaf.ts';
import { tunnel } from './tunnel.ts';

export interface InterceptionParts {
  /** The folder of tls.crt and tls.key. */
  folder: string;
  upstream: ResultsUpstream;
  serve(request: IncomingMessage, response: ServerResponse): void;
  /** How often the certificate's files are looked at, in ms. */
  everyMs?: number | undefined;
}

/** What stands in the pod for the forge's results service, under its own name. */
export function createInterceptionServer({ folder, upstream, serve, everyMs }: InterceptionParts): Server {
  const https = process.getBuiltinModule('node:https');
  const leaf = followLeaf(folder, (fresh) => server.setSecureContext(fresh), everyMs);
  const server = https.createServer(
    { ...leaf.current, highWaterMark: SOCKET_BUFFER, keepAliveTimeout: 75_000 },
    serve,
  );
  // How long a request may take is for the service to say that it is meant for.
  server.requestTimeout = 0;
  server.on('upgrade', (request, socket, head) => tunnel(upstream, request, socket, head));
  server.once('close', () => leaf.stop());
  return server;
}
