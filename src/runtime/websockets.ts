import websocket from '@fastify/websocket';
import fastifyPlugin from 'fastify-plugin';
import { AGENT_MESSAGE_BYTES } from '../protocol/agent_close.ts';

/** How long a peer may take to answer our close, in ms; then its socket is cut. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Lets a route be a WebSocket; the request passes every hook first, so a refused one is answered by HTTP. For all
 * routes, those that are none as well: else an upgrade asked of one of these would leave its socket open.
 */
export const websockets = fastifyPlugin(
  async (app) => {
    const options = {
      maxPayload: AGENT_MESSAGE_BYTES,
      // A compressor takes some 300 KiB a connection, for messages of a hundred bytes.
      perMessageDeflate: false,
      closeTimeout: CLOSE_TIMEOUT_MS,
      clientTracking: false,
    };
    await app.register(websocket, {
      options,
      // ws has sent the close that its error asks for (RFC 6455 section 7.4.1), and ends the socket by itself.
      errorHandler: (err, _socket, request) => {
        request.log.info({ reqId: request.id, err }, 'a WebSocket failed');
      },
      // Whoever keeps the sockets closes them, and says why.
      preClose: (done) => done(),
    });
  },
  { name: 'harrier-websockets', fastify: '5.x' },
);
