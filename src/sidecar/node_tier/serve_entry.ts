import { parseRange } from '../../http/byte_range.ts';
import { blobHeaders } from '../azure_answer.ts';
import type { Download, Downloads } from '../downloads.ts';
import type { Exchange } from '../handlers.ts';
import { unavailable } from '../refusal.ts';
import type { Stored } from '../stored.ts';
import type { NodeTier } from './node_tier.ts';
import { tap } from './tap.ts';

/** Answers a GET from the node's disk; false, and nothing sent, when the entry isn't there. */
export async function serveFromNode(
  tier: NodeTier,
  exchange: Exchange,
  download: Download,
  header: string | undefined,
  headers: Record<string, unknown>,
  downloads: Downloads,
): Promise<boolean> {
  const { entry } = download;
  const asked = parseRange(header, entry.sizeBytes);
  // What nobody can answer is for the store to say.
  if (asked === 'unsatisfiable' || entry.sizeBytes === 0) return false;
  const range = asked ?? { start: 0, end: entry.sizeBytes - 1 };
  const length = { 'content-length': range.end - range.start + 1 };
  const part = { 'content-range': `bytes ${range.start}-${range.end}/${entry.sizeBytes}` };
  const head = {
    status: asked === undefined ? 200 : 206,
    headers: blobHeaders(exchange, { ...headers, ...length, ...(asked === undefined ? {} : part) }),
  };
  return tier.send(exchange.response, entry, range, head, async (response, rest) => {
    const stored = await downloads.fetch(download, `bytes=${rest.start}-${rest.end}`);
    if (stored.status !== 206 || startOf(stored) !== rest.start) {
      stored.drop();
      throw unavailable(`the store answered ${stored.status} in the middle of an entry`);
    }
    await stored.relay(response);
  });
}

/** Lets the tier see what of the entry the store's answer brings. To be called before it is relayed. */
export async function keepOnNode(
  tier: NodeTier,
  { response }: Exchange,
  { entry }: Download,
  stored: Stored,
): Promise<void> {
  const start = stored.status === 206 ? startOf(stored) : 0;
  if (start === undefined) return;
  const keep = await tier.keep(entry, start);
  if (keep !== undefined) tap(response, keep);
}

function startOf({ headers }: Stored): number | undefined {
  const start = /^bytes (\d{1,15})-/.exec(String(headers['content-range'] ?? ''))?.[1];
  return start === undefined ? undefined : Number(start);
}
