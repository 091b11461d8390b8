import { mkdtemp, rm } from 'node:fs/promises';
import { get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cache, openCache } from '../../src/cache/open.ts';
import type { Api } from '../../src/runtime/server.ts';
import { buildCacheApi } from '../support/cache_api.ts';
import { prepareSidecar, type SidecarProcess, startSidecar } from './sidecar_process.ts';
import { ACCESS, CACHE_SERVICE, POD_TOKEN, urlOf } from './stand.ts';

const MIB = 1024 * 1024;
const BLOCK = 64 * MIB;
const TOTAL = 1024 * MIB;

let prepared: Awaited<ReturnType<typeof prepareSidecar>>;
let folder: string;
let cache: Cache;
let api: Api;
let sidecar: SidecarProcess;
/** Another for each try: a saved entry can't be saved again. */
let key = '';
let tries = 0;
beforeAll(async () => {
  prepared = await prepareSidecar(POD_TOKEN);
  folder = await mkdtemp(join(tmpdir(), 'harrier-footprint-'));
  cache = await openCache({ dataDir: folder, clock: Date.now, log: pino({ level: 'silent' }) });
  api = await buildCacheApi(cache, { [POD_TOKEN]: ACCESS });
  await api.listen({ host: '127.0.0.1', port: 0 });
}, 60_000);
afterAll(async () => {
  const closed = api.close();
  api.server.closeAllConnections();
  await closed;
  await cache.close();
  await prepared.remove();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const start = () =>
  startSidecar(prepared.bundle, {
    HARRIER_API_URL: urlOf(api.server),
    HARRIER_TOKEN_FILE: prepared.tokenFile,
    HARRIER_LOG_LEVEL: 'info',
  });

describe.runIf(process.platform === 'linux')('the bundled sidecar', () => {
  it('starts in under 300 ms and idles under 64 MiB', { timeout: 60_000 }, async () => {
    // The best of ten: another test on the same processors must not count against the sidecar.
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 10; i++) {
      sidecar = await start();
      fastest = Math.min(fastest, sidecar.startedAfter);
      if (i < 9) await sidecar.stop();
    }
    try {
      await fetch(`${sidecar.url}/healthz`);
      await sleep(2000);
      const resident = await sidecar.residentMiB();
      console.log(`sidecar: started in ${fastest.toFixed(0)} ms, idle at ${resident.toFixed(1)} MiB`);
      expect(fastest).toBeLessThan(300);
      expect(resident).toBeLessThan(64);
    } finally {
      await sidecar.stop();
    }
  });

  // Again, when it was not: with every processor taken by other tests' loads, its collector comes late.
  const options = { timeout: 180_000, retry: 3 };
  it('streams 1 GiB each way, the reader slow, in under 120 MiB', options, async () => {
    key = `gib-${++tries}`;
    sidecar = await start();
    let peak = 0;
    const watch = setInterval(async () => {
      // The last look may come when the sidecar is gone already.
      const resident = await sidecar.residentMiB().catch(() => 0);
      peak = Math.max(peak, resident);
    }, 50);
    try {
      const upload = String((await twirp('CreateCacheEntry', {})).signed_upload_url);
      const ids = Array.from({ length: TOTAL / BLOCK }, (_, i) => `block-${i}`);
      const left = [...ids];
      const lane = async () => {
        for (let id = left.pop(); id !== undefined; id = left.pop()) await putBlock(upload, id);
      };
      await Promise.all(Array.from({ length: 8 }, lane));
      const xml = `<BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
      expect((await fetch(`${upload}&comp=blocklist`, { method: 'PUT', body: xml })).status).toBe(201);
      expect(await twirp('FinalizeCacheEntryUpload', { size_bytes: TOTAL })).toMatchObject({ ok: true });
      const peakUp = peak;
      peak = 0;
      const found = await twirp('GetCacheEntryDownloadURL', {});
      expect(await readSlowly(String(found.signed_download_url))).toBe(TOTAL);
      console.log(`sidecar: peak ${peakUp.toFixed(0)} MiB saving, ${peak.toFixed(0)} MiB restoring 1 GiB`);
      expect(Math.max(peakUp, peak)).toBeLessThan(120);
    } finally {
      clearInterval(watch);
      await sidecar.stop();
    }
  });
});

async function twirp(method: string, more: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${sidecar.url}${CACHE_SERVICE}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key, version: 'ab', ...more }),
  });
  return (await answer.json()) as Record<string, unknown>;
}

function putBlock(url: string, id: string): Promise<void> {
  const chunk = Buffer.alloc(256 * 1024, id);
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}&comp=block&blockid=${id}`, {
      method: 'PUT',
      headers: { 'content-length': BLOCK },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => {
      answer.resume();
      if (answer.statusCode === 201) resolve();
      else reject(new Error(`PUT answered ${answer.statusCode}`));
    });
    let left = BLOCK;
    const write = () => {
      while (left > 0) {
        left -= chunk.length;
        if (!outgoing.write(chunk)) return void outgoing.once('drain', write);
      }
      outgoing.end();
    };
    write();
  });
}

/** Pauses for a moment after every 32 MiB, so that whoever doesn't hold back would have to keep them. */
function readSlowly(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, (answer) => {
      let seen = 0;
      let pauseAt = 32 * MIB;
      answer.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (seen < pauseAt) return;
        pauseAt += 32 * MIB;
        answer.pause();
        setTimeout(() => answer.resume(), 100);
      });
      answer.once('end', () => resolve(seen));
      answer.once('error', reject);
    }).once('error', reject);
  });
}
