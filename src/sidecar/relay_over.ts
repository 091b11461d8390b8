import type { ServerResponse } from 'node:http';
import type { Body } from './stored.ts';

/** Streams a body into a response whose head is written, and ends it; rejects when either side breaks off. */
export function relayOver(
  { pour, drop }: Pick<Body, 'pour' | 'drop'>,
  response: ServerResponse,
): Promise<void> {
  return new Promise((done, fail) => {
    response.once('close', () => {
      drop();
      if (!response.writableFinished) fail(new Error('the client went away'));
    });
    pour((chunk, written) => response.write(chunk, written)).then(() => response.end(done), fail);
  });
}
