import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { HOP_BY_HOP } from '../http/hop_by_hop.ts';

/** What the router says itself: of the upstream's name, of who asks, and whether the body may come. */
const OWN = new Set([
  'expect',
  'forwarded',
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);

export interface Asking {
  headers: IncomingHttpHeaders;
  /** Address at the other end of the connection. */
  peer: string | undefined;
  /** Whether it is a proxy of ours, whose word about its own clients counts. */
  trusted: boolean;
}

/**
 * What goes on to the cell's api. Repeated headers are already as Node reads them, so that the api sees the one
 * Authorization by which the request was routed.
 */
export function requestHeaders({ headers, peer, trusted }: Asking): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || HOP_BY_HOP.has(name) || OWN.has(name) || named?.has(name)) continue;
    kept[name] = value;
  }
  // The one use of TE that the router can keep: it hands trailers on.
  if (/\btrailers\b/i.test(textOf(headers.te) ?? '')) kept.te = 'trailers';
  const before = trusted ? textOf(headers['x-forwarded-for']) : undefined;
  const address = peer?.replace(/^::ffff:/i, '');
  if (address !== undefined)
    kept['x-forwarded-for'] = before === undefined ? address : `${before}, ${address}`;
  kept['x-forwarded-proto'] = (trusted && textOf(headers['x-forwarded-proto'])) || 'http';
  const host = (trusted && textOf(headers['x-forwarded-host'])) || headers.host;
  if (host !== undefined) kept['x-forwarded-host'] = host;
  return kept;
}

/** What goes back to the client. */
export function responseHeaders(
  headers: IncomingHttpHeaders,
  { withTrailers }: { withTrailers: boolean },
): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || HOP_BY_HOP.has(name) || named?.has(name)) continue;
    kept[name] = value;
  }
  if (withTrailers && headers.trailer !== undefined) kept.trailer = headers.trailer;
  return kept;
}

function namedByConnection(connection: string | undefined): Set<string> | undefined {
  // By far the most requests, and nothing to split.
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((one) => one.trim()),
  );
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
