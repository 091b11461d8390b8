import type { Agent } from 'node:http';
import type { LookupFunction } from 'node:net';
import { requesterOf } from './node_http.ts';

/** The server that answers what of the results API is not ours. */
export interface ResultsUpstream {
  base: URL;
  agent: Agent;
  /** Absent where the machine's own way of resolving names is the right one. */
  lookup: LookupFunction | undefined;
  /** PEM; absent where Node's own roots are enough. */
  ca: string[] | undefined;
}

/** An unused connection is given up before any server does, or a request would go into one that is being closed. */
const UNUSED_MS = 15_000;

/** @param roots PEM of what the server may be known by besides Node's own roots. */
export function resultsUpstream(url: string, lookup?: LookupFunction, roots = ''): ResultsUpstream {
  const base = new URL(url);
  const { Agent } = requesterOf(base.protocol);
  const ca =
    roots.trim() === ''
      ? undefined
      : [...process.getBuiltinModule('node:tls').getCACertificates('default'), roots];
  const agent = new Agent({
    keepAlive: true,
    maxFreeSockets: 4,
    timeout: UNUSED_MS,
    ...(lookup === undefined ? {} : { lookup }),
    ...(ca === undefined ? {} : { ca }),
  });
  return { base, agent, lookup, ca };
}
