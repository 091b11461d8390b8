import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { FoundProblem } from '../http/problem_body.ts';
import type { Cell } from './cell.ts';
import { responseHeaders } from './headers.ts';
import { linger, refuse } from './refuse.ts';

/** The client went away. It is no failure of the cell. */
class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  cell: Cell;
  /** The client waits for a 100 before it sends its body. */
  expectsContinue: boolean;
  /** Whether the connection is to end with this answer. */
  closing(): boolean;
  answered(status: number): void;
  /** A body goes through that is not soon over. */
  streams(): void;
  /** Called once, with the last of it. */
  ended(): void;
}

const LONG = 1024 * 1024;

/** Whether a message with these headers has a long body, or one of unknown length. */
export function isLong(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) >= LONG;
}

/** Carries one answer from a cell to the client, chunk by chunk; nothing is read that the client has no room for. */
export class Forwarding implements Dispatcher.DispatchHandler {
  protected readonly exchange: Exchange;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  #clientGone = false;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    // Comes once, whatever happens; before the end of the answer it means that nobody waits for it.
    exchange.response.once('close', () => {
      if (this.#over) return;
      this.#clientGone = true;
      this.#controller?.abort(new ClientGone('the client went away'));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#clientGone) controller.abort(new ClientGone('the client went away'));
    // Only now is there somebody to send the body to (RFC 9110 section 10.1.1).
    else if (this.exchange.expectsContinue) {
      this.exchange.expectsContinue = false;
      this.exchange.response.writeContinue();
    }
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusMessage = '',
  ): void {
    if (status < 200) return;
    const { request, response, cell, closing, answered, streams } = this.exchange;
    cell.answered();
    answered(status);
    if (isLong(headers)) streams();
    // Node sends trailers in chunks only, and refuses to announce them otherwise.
    const withTrailers = headers['transfer-encoding'] !== undefined && request.httpVersionMinor > 0;
    const kept = responseHeaders(headers, { withTrailers });
    if (closing()) kept.connection = 'close';
    response.writeHead(status, statusMessage, kept);
    // An answer whose bytes come later shows its headers now; one that is here already leaves in one write.
    process.nextTick(() => {
      if (!response.closed && !this.#over) response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.exchange;
    if (response.write(chunk)) return;
    controller.pause();
    response.once('drain', () => controller.resume());
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.finish();
    const { request, response } = this.exchange;
    if (Object.keys(trailers).length > 0) response.addTrailers(trailers as Record<string, string>);
    response.end();
    linger(request);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { code?: string }): void {
    this.finish();
    if (error instanceof ClientGone) return;
    const { request, response, cell, answered } = this.exchange;
    if (error.code === 'UND_ERR_INVALID_ARG') {
      refuse(request, response, { code: 'bad-request', detail: 'The request cannot be sent on.' });
      return;
    }
    if (this.#controller === undefined) cell.failed('connect', error);
    // A client can bring an answer to break off, by a body that the api refuses to read: nobody else is to pay for it.
    else cell.brokeOff(error);
    if (response.headersSent) {
      // Cut short, so that nobody takes the part for the whole.
      response.destroy();
      return;
    }
    answered(502);
    refuse(request, response, UNAVAILABLE, { 'retry-after': String(cell.retryAfterSeconds) });
  }

  protected finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.exchange.ended();
  }
}

export const UNAVAILABLE: FoundProblem = {
  code: 'cell-unavailable',
  detail: "The cell's api cannot be reached, or broke off; retry.",
};
