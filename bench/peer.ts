import type { Load } from './wrk.ts';

/** Another server of the cache protocol, measured beside ours: its base URL, and a token where it wants one. */
export interface Peer {
  url: string;
  headers: Record<string, string>;
}

const SERVICE = 'twirp/github.actions.results.api.v1.CacheService';
const VERSION = 'a'.repeat(64);
const ENTRIES = 200;

/** The one that PEER_URL names; undefined where it names none. */
export function peerOf(env: NodeJS.ProcessEnv): Peer | undefined {
  if (env.PEER_URL === undefined || env.PEER_URL === '') return undefined;
  return {
    url: env.PEER_URL.replace(/\/*$/, '/'),
    headers: {
      authorization: `Bearer ${env.PEER_TOKEN ?? 'not-a-token'}`,
      'content-type': 'application/json',
    },
  };
}

/** Saves some entries by the stock protocol; answers look-ups of which each finds one by a restore key. */
export async function peerLookups(peer: Peer): Promise<Load> {
  const run = `bench-${Date.now()}`;
  for (let index = 0; index < ENTRIES; index++) await save(peer, `${run}-${index}`);
  const bodies = Array.from({ length: ENTRIES }, (_, index) =>
    JSON.stringify({
      key: `${run}-${index}-zzz`,
      restore_keys: [`${run}-${index}`, `${run}-`],
      version: VERSION,
    }),
  );
  const url = `${peer.url}${SERVICE}/GetCacheEntryDownloadURL`;
  const first = await call(peer, 'GetCacheEntryDownloadURL', JSON.parse(bodies[0] ?? ''));
  if (first.ok !== true) throw new Error(`the peer does not find what it saved: ${JSON.stringify(first)}`);
  return { url, method: 'POST', headers: peer.headers, bodies };
}

async function save(peer: Peer, key: string): Promise<void> {
  const created = await call(peer, 'CreateCacheEntry', { key, version: VERSION });
  const url = new URL(String(created.signed_upload_url), peer.url);
  const stored = await fetch(url, {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob', 'content-type': 'application/octet-stream' },
    body: 'four',
  });
  if (!stored.ok) throw new Error(`the peer took no block: ${stored.status} ${await stored.text()}`);
  const done = await call(peer, 'FinalizeCacheEntryUpload', { key, version: VERSION, size_bytes: '4' });
  if (done.ok !== true) throw new Error(`the peer kept nothing: ${JSON.stringify(done)}`);
}

async function call(peer: Peer, method: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(`${peer.url}${SERVICE}/${method}`, {
    method: 'POST',
    headers: peer.headers,
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} at the peer: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
