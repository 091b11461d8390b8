import type { ServerResponse } from 'node:http';
import type { Answer } from './call_once.ts';
import { sendJson } from './handlers.ts';
import { asRefused } from './refusal.ts';

/** The api's own answer, to be kept by nobody on the way. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if (answer.retryAfter !== undefined) response.setHeader('retry-after', answer.retryAfter);
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': answer.body.length,
    'cache-control': 'no-store',
  });
  response.end(answer.body);
}

/** Why there is none, in the api's own shape. */
export function sendRefusal(response: ServerResponse, error: unknown): void {
  const refused = asRefused(error);
  sendJson(response, refused.status, {
    type: 'about:blank',
    title: refused.code,
    status: refused.status,
    detail: refused.message,
    code: refused.code,
  });
}
