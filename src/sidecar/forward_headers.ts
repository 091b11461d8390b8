import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { HOP_BY_HOP } from '../http/hop_by_hop.ts';

export function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = namedByConnection(headers);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name)),
  );
}

/** The same as names and values in turns, in the sender's order and spelling, repeated ones repeated. */
export function rawEndToEnd({
  headers,
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string[] {
  const named = namedByConnection(headers);
  return pairs(rawHeaders)
    .filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()) && !named.includes(name.toLowerCase()))
    .flat();
}

export function pairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  const found: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    found.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
  return found;
}

function namedByConnection({ connection }: IncomingHttpHeaders): string[] {
  return (connection ?? '').toLowerCase().split(/\s*,\s*/);
}
