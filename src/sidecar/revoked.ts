import type { ServerResponse } from 'node:http';
import type { Answer } from './call_once.ts';

/** Each protocol's clients look at the status; the codes are the api's and, in `msg`, what Twirp's clients print. */
const BODY = JSON.stringify({
  type: 'https://harrier.dev/problems/unauthorized',
  title: 'The bearer token is not acceptable',
  status: 401,
  detail: 'the identity of this runner was revoked',
  code: 'unauthorized',
  msg: 'the identity of this runner was revoked',
});

/** What everybody is answered once the runner's identity is dead. */
export const REVOKED: Answer = {
  status: 401,
  contentType: 'application/problem+json',
  body: Buffer.from(BODY),
  retryAfter: undefined,
};

export function sendRevoked(response: ServerResponse): void {
  response.writeHead(REVOKED.status, {
    'content-type': REVOKED.contentType,
    'content-length': REVOKED.body.length,
    connection: 'close',
  });
  response.end(REVOKED.body);
}
