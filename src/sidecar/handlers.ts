import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request as the router hands it on: path and query apart, and the origin that the client called us by. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  path: string;
  query: URLSearchParams;
  /** Such as `http://127.0.0.1:8479`; local URLs are built on it. */
  origin: string;
  /** The same, but for URLs to restore from. */
  restoreOrigin: string;
}

export type Handler = (exchange: Exchange) => Promise<void>;

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

export function sendEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 });
  response.end();
}
