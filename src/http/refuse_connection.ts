import type { Socket } from 'node:net';
import { PROBLEM_MEDIA_TYPE, problemBody } from './problem_body.ts';

const DETAILS: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'The request took too long to arrive.',
  HPE_HEADER_OVERFLOW: 'The headers are larger than allowed.',
};

/** Answers what isn't even HTTP, or never comes to an end, with a problem, and closes the connection. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  // The other end is gone, or an answer has begun that more bytes would only garble.
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const detail = DETAILS[error.code ?? ''] ?? 'This is not an HTTP/1.1 request.';
  const body = JSON.stringify(problemBody({ code: 'bad-request', detail }));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}
