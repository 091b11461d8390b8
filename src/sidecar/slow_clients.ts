import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendTwirpError } from './twirp_error.ts';

/** A request has arrived whole after so many ms, or is given up: URLs that its parts go to are good for no longer. */
export const LONGEST_ARRIVAL = 15 * 60_000;
/** Silence in the middle of a request after which it is given up, in ms. */
export const LONGEST_SILENCE = 60_000;
/** So long is read and dropped what still comes after an early answer, in ms: a client sees the answer, and no reset. */
const LINGER = 5_000;

/**
 * Frees what a request holds whose client stops in its middle, and the connection of one that was answered before its
 * end. How long a request may trickle in is the server's own `requestTimeout`.
 */
export function watchArrival(request: IncomingMessage, response: ServerResponse, silence: number): void {
  let linger = LINGER;
  response.setTimeout(silence, () => {
    // What waits here waits for a store: that has a limit of its own.
    if (request.complete || request.isPaused() || request.readableLength > 0) return;
    linger = 0;
    if (response.headersSent) request.destroy();
    else sendTwirpError(response, 'deadline_exceeded', 'the request stopped arriving');
  });
  response.once('finish', () => {
    if (request.complete) return;
    request.resume();
    // Not the socket alone: once it has its answer, a request isn't told of the end of its connection.
    setTimeout(() => request.destroy(), linger).unref();
  });
}
