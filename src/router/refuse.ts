import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type FoundProblem, PROBLEM_MEDIA_TYPE, problemBody } from '../http/problem_body.ts';
import { PROBLEMS } from '../protocol/problem.ts';

/** How long what is left of a body is taken in and dropped after an early answer. */
export const LINGER_MS = 2_000;

/** Answers with the problem, as the api would. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  problem: FoundProblem,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = JSON.stringify(problemBody(problem, randomUUID()));
  // RFC 6750 section 3: no error code for a request without any token.
  const challenge = problem.code === 'unauthorized' ? { 'www-authenticate': 'Bearer realm="harrier"' } : {};
  response
    .writeHead(PROBLEMS[problem.code][0], {
      'content-type': PROBLEM_MEDIA_TYPE,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      ...challenge,
      ...headers,
    })
    .end(body);
  linger(request);
}

/**
 * After an answer that came before the body's end. A connection that is closed with bytes unread is reset, and the
 * client might never see the answer (RFC 9112 section 9.6); one that never stops sending is closed all the same.
 */
export function linger(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const { socket } = request;
  const patience = setTimeout(() => socket.destroy(), LINGER_MS);
  patience.unref();
  // What Node calls once the answer has left, where the connection ends with it. Till then we close our side alone.
  const { destroySoon } = socket;
  socket.destroySoon = () => socket.end();
  for (const over of ['end', 'close'])
    request.once(over, () => {
      clearTimeout(patience);
      socket.destroySoon = destroySoon;
      if (socket.writableEnded) socket.destroySoon();
    });
}
