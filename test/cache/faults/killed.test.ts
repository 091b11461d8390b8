import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePorts } from '../../../hack/cluster/free_ports.ts';
import { whyNoPostgres } from '../../../hack/servers/postgres.ts';
import { ORPHAN_GRACE, releaseAbandoned, removeOrphans } from '../../../src/cache/sweep.ts';
import { prepareSidecar, startSidecar } from '../../sidecar/sidecar_process.ts';
import { ACCESS, POD_TOKEN } from '../../sidecar/stand.ts';
import { bytesOf } from '../saved_bytes.ts';
import type { CacheApiOptions } from './cache_api_process.ts';
import { killAtRandom, killable } from './killable.ts';
import { StockLikeClient } from './stock_like_client.ts';
import { embedded, type StorePair, shared } from './store_pairs.ts';

const SAVES = 500;
const AT_ONCE = 24;
/** Requests. */
const BETWEEN_KILLS = { least: 20, most: 350 };

const reason = whyNoPostgres();

it.each([
  ['embedded stores', embedded],
  ...(reason === undefined ? [['shared stores', shared] as const] : []),
] as const)(
  `${SAVES} saves and restores lose nothing to kills: %s`,
  { timeout: 600_000 },
  async (_, open) => {
    const stores = await open();
    try {
      await survives(stores);
    } finally {
      await stores.remove();
    }
  },
);

if (reason !== undefined) it.skip(`with shared stores: ${reason}`);

async function survives(stores: StorePair): Promise<void> {
  const prepared = await prepareSidecar(POD_TOKEN);
  const [apiPort = 0, sidecarPort = 0] = await freePorts(2);
  const options: CacheApiOptions = {
    port: apiPort,
    stores: stores.options,
    callers: { [POD_TOKEN]: ACCESS },
  };
  const api = await killable('api', () => startCacheApi(options));
  const sidecar = await killable('sidecar', async () => {
    const { child } = await startSidecar(prepared.bundle, {
      HARRIER_API_URL: `http://127.0.0.1:${apiPort}`,
      HARRIER_TOKEN_FILE: prepared.tokenFile,
      HARRIER_LOG_LEVEL: 'info',
      HARRIER_PORT: String(sidecarPort),
    });
    return child;
  });
  const client = new StockLikeClient(`http://127.0.0.1:${sidecarPort}`, 'a1');
  try {
    const saved: string[] = [];
    const broken = { saves: 0, restores: 0 };
    let restores = 0;
    const wrong: string[] = [];
    const keys = Array.from({ length: SAVES }, (_, number) => `key-${number}`);
    const lane = async () => {
      for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
        const saving = await client.save(key, bytesOf(key)).then(
          () => true,
          () => false,
        );
        if (saving) saved.push(key);
        else broken.saves++;
        const earlier = saved[Math.floor(Math.random() * saved.length)];
        if (earlier === undefined) continue;
        restores++;
        await client.restore(earlier).then(
          (bytes) => {
            if (bytes?.equals(bytesOf(earlier)) !== true) wrong.push(earlier);
          },
          () => {
            broken.restores++;
          },
        );
      }
    };
    const work = Promise.all(Array.from({ length: AT_ONCE }, lane));
    const killed = await killAtRandom([api, sidecar], work, () => client.requests, BETWEEN_KILLS);
    await work;
    expect(wrong, 'restored to other bytes, or not found, while programs died').toEqual([]);

    // What was told of, and what was committed without the client hearing of it: all of it whole.
    const visible: string[] = [];
    for (let number = 0; number < SAVES; number++) {
      const key = `key-${number}`;
      const bytes = await client.restore(key);
      if (bytes === undefined) continue;
      visible.push(key);
      expect(bytes.equals(bytesOf(key)), `${key} has its bytes`).toBe(true);
    }
    const lost = saved.filter((key) => !visible.includes(key));
    const kills = Object.entries(killed).map(([name, times]) => `${name} ${times} times`);
    console.log(
      `${stores.name}: killed ${kills.join(', ')}; ${saved.length} of ${SAVES} saves told of, ${visible.length} visible, ` +
        `${broken.saves} saves and ${broken.restores} of ${restores} restores broke off; lost ${lost.length}`,
    );
    expect(lost).toEqual([]);
    expect(saved.length).toBeGreaterThan(SAVES / 10);
    expect(killed.api).toBeGreaterThan(0);
    expect(killed.sidecar).toBeGreaterThan(0);

    await api.stop();
    await sweptClean(stores, visible.length);
  } finally {
    await api.stop();
    await sidecar.stop();
    await prepared.remove();
  }
}

/** When the interval is over nothing is stored but what entries name, and nothing is reserved. */
async function sweptClean(stores: StorePair, entries: number): Promise<void> {
  const { index, blobs } = await stores.open();
  try {
    const before = await stores.stored();
    const later = { index, blobs, now: () => Date.now() + ORPHAN_GRACE + 60_000 };
    await releaseAbandoned(later);
    await removeOrphans(later);
    const after = await stores.stored();
    console.log(
      `${stores.name}: ${before.length - after.length} of ${before.length} blobs were orphans, and went`,
    );
    expect(await index.namedBlobs(after)).toEqual(new Set(after));
    const scopes = ACCESS.scopes.map(({ name }) => name);
    expect((await index.list(ACCESS.tenant, scopes, '', 1)).total).toBe(entries);
  } finally {
    await index.close();
  }
}

async function startCacheApi(options: CacheApiOptions): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'cache_api_process.ts');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, JSON.stringify(options)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the api ended with ${code} before it served`);
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  return child;
}
