import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ResultsUpstream, resultsUpstream } from '../results_upstream.ts';
import { ownLookup } from './own_lookup.ts';

/** The real service, whose name leads to us: found past the pod's hosts file, known by its own roots and never ours. */
export function interceptedUpstream(url: string, folder: string): ResultsUpstream {
  return resultsUpstream(url, ownLookup(), readFileSync(join(folder, 'roots.crt'), 'utf8'));
}
