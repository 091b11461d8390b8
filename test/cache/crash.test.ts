import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import pino from 'pino';
import { expect, it } from 'vitest';
import { openCache } from '../../src/cache/open.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import { bytesOf } from './saved_bytes.ts';

const KILLS = 20;
const access: CacheAccess = {
  enabled: true,
  tenant: 'acme/app',
  pool: 'runners/pool',
  scopes: [{ name: 'main', permission: 'ReadWrite' }],
};

/** Runs a saving process until it was killed at a random moment; answers the keys that it called committed. */
async function saveUntilKilled(dataDir: string, round: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'saving_process.ts'), dataDir, `round${round}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (printed === '') setTimeout(() => child.kill('SIGKILL'), Math.random() * 150);
    printed += text;
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  return printed.split('\n').slice(0, -1);
}

it(`loses nothing committed and shows nothing partial over ${KILLS} kills`, {
  timeout: 240_000,
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'harrier-crash-'));
  const committed: string[] = [];
  let checked = 0;
  for (let round = 0; round < KILLS; round++) {
    committed.push(...(await saveUntilKilled(dataDir, round)));
    const cache = await openCache({ dataDir, clock: Date.now, log: pino({ level: 'silent' }) });
    const restore = async (key: string): Promise<void> => {
      const found = await cache.lookup(access, { keys: [key], version: 'a1' });
      expect(found).toMatchObject({ hit: true, key });
      const id = found.hit ? (new URL(found.url, 'http://api').pathname.split('/').at(-1) ?? '') : '';
      const content = await cache.content('acme/app', id);
      if (content === undefined) throw new Error(`${key} has no content`);
      const bytes = await buffer(await cache.read(content, { start: 0, end: content.sizeBytes - 1 }));
      expect(bytes.equals(bytesOf(key)), key).toBe(true);
      checked++;
    };
    // Those it told of, and those it committed but died before telling; of both nothing may be missing.
    const visible = (await cache.list(access, `round${round}-`)).entries.map((entry) => entry.key);
    const told = committed.filter((key) => key.startsWith(`round${round}-`));
    for (const key of new Set([...visible, ...told])) await restore(key);
    if (round === KILLS - 1) for (const key of committed) await restore(key);
    await cache.close();
  }
  const files = await readdir(join(dataDir, 'blobs'), { recursive: true });
  const unfinished = files.filter((name) => name.endsWith('.part')).length;
  console.log(
    `${KILLS} kills, ${committed.length} entries told of, ${unfinished} half-written files, 0 lost`,
  );
  expect(checked).toBeGreaterThan(committed.length);
  await rm(dataDir, { recursive: true });
});
