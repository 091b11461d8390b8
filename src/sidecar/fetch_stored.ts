import type { ClientRequest, IncomingMessage } from 'node:http';
import { unavailable } from './refusal.ts';
import { relayOver } from './relay_over.ts';
import type { Body, Take } from './stored.ts';

/** Ends a GET of node's own client, as a store over TLS needs it, and waits for its answer's head. */
export function storedOf(request: ClientRequest, patience?: number): Promise<Body> {
  return new Promise((resolve, reject) => {
    const late =
      patience === undefined
        ? undefined
        : setTimeout(() => request.destroy(new Error('the store does not answer')), patience);
    request.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      reject(unavailable(`the store did not answer (${error.code ?? error.name})`));
    });
    request.once('response', (answer) => {
      clearTimeout(late);
      const drop = () => void request.destroy();
      const pour = (take: Take, stall?: number) => pourOf(answer, drop, take, stall);
      resolve({
        status: answer.statusCode ?? 502,
        headers: answer.headers,
        pour,
        relay: (response) => relayOver({ pour, drop }, response),
        drop,
      });
    });
    request.end();
  });
}

function pourOf(
  answer: IncomingMessage,
  drop: () => void,
  take: Take,
  stall: number | undefined,
): Promise<void> {
  return new Promise((done, fail) => {
    let stalled: NodeJS.Timeout | undefined;
    const wait = () => {
      if (stall !== undefined) stalled ??= setTimeout(drop, stall);
      answer.resume();
    };
    const came = () => {
      clearTimeout(stalled);
      stalled = undefined;
    };
    answer.on('data', (chunk: Buffer) => {
      came();
      answer.pause();
      try {
        take(chunk, wait);
      } catch (error) {
        fail(error as Error);
        drop();
      }
    });
    answer.once('error', fail);
    answer.once('close', () => {
      came();
      if (answer.complete) done();
      else fail(new Error('the store ended the body early'));
    });
    wait();
  });
}
