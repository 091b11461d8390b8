import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/**
 * A request's body for undici, which destroys the stream when the upstream answers early or goes away. With the request
 * itself the client's connection would go too, before it had the answer.
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#request.pause();
  };
  readonly #onEnd = (): void => {
    this.push(null);
  };

  constructor(request: IncomingMessage) {
    super();
    this.#request = request;
    request.on('data', this.#onData).on('end', this.#onEnd).pause();
  }

  override _read(): void {
    this.#request.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What nobody wants any more is dropped instead of standing in the way.
    this.#request.off('data', this.#onData).off('end', this.#onEnd).resume();
    done(error);
  }
}

/** Whether a body follows the headers (RFC 9112 section 6). */
export function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0';
}
