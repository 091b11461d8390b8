import type { ClientRequest } from 'node:http';
import { unavailable } from './refusal.ts';
import type { Stored } from './stored.ts';

const { pipeline } = process.getBuiltinModule('node:stream');

/** Ends a GET of node's own client, as a store over TLS needs it, and waits for its answer's head. */
export function storedOf(request: ClientRequest): Promise<Stored> {
  return new Promise((resolve, reject) => {
    request.once('error', (error: NodeJS.ErrnoException) =>
      reject(unavailable(`the store did not answer (${error.code ?? error.name})`)),
    );
    request.once('response', (answer) =>
      resolve({
        status: answer.statusCode ?? 502,
        headers: answer.headers,
        relay: (response) =>
          new Promise((done, fail) => {
            pipeline(answer, response, (error) => (error ? fail(error) : done()));
          }),
        drop: () => void request.destroy(),
      }),
    );
    request.end();
  });
}
