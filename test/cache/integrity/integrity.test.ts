import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, openCache } from '../../../src/cache/open.ts';
import type { CacheAccess } from '../../../src/cache/scope.ts';

const access: CacheAccess = {
  enabled: true,
  tenant: 'acme/app',
  pool: 'runners/pool',
  scopes: [
    { name: 'feature', permission: 'ReadWrite' },
    { name: 'main', permission: 'Read' },
  ],
};
const onMain: CacheAccess = { ...access, scopes: [{ name: 'main', permission: 'ReadWrite' }] };
const other: CacheAccess = { ...access, tenant: 'acme/other' };

let folder: string;
let ahead: number;
let found: string[];
let logged: string[];
let cache: Cache;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-integrity-'));
  ahead = 0;
  found = [];
  logged = [];
  cache = await open();
});
afterEach(async () => {
  await cache.close();
  await rm(folder, { recursive: true });
});

function open(): Promise<Cache> {
  return openCache({
    dataDir: folder,
    clock: () => Date.now() + ahead,
    onCorrupt: (finder) => found.push(finder),
    log: pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) }),
  });
}

/** Saves an entry of two parts; answers the files of both. */
async function save(key: string, by: CacheAccess = access, bytes = randomBytes(200_000)): Promise<string[]> {
  const { uploadId } = await cache.reserve(by, { key, version: 'ab' });
  const halves = [bytes.subarray(0, 90_000), bytes.subarray(90_000)];
  const { parts } = await cache.offerParts(by, uploadId, {
    parts: halves.map(({ length }, position) => ({ number: position + 1, sizeBytes: length })),
  });
  const blobs = parts.map(({ url }) => url.split('?')[0]?.split('/').at(-1) ?? '');
  for (const [position, half] of halves.entries())
    await cache.write(blobs[position] ?? '', half.length, Readable.from([half]));
  await cache.commit(by, uploadId, {
    sizeBytes: bytes.length,
    parts: [1, 2],
    crc32: halves.map((half) => crc32(half)),
  });
  return blobs.map((blob) => join(folder, 'blobs', blob.slice(0, 2), blob));
}

/** Time enough that nothing is believed from before. */
const later = () => {
  ahead += 60_000;
};
const lookup = (key: string, by = access) => cache.lookup(by, { keys: [key], version: 'ab' });

const HARMS: [string, (files: string[]) => Promise<void>][] = [
  ['a changed byte', ([file]) => flip(file)],
  ['a changed byte in the second part', ([, file]) => flip(file)],
  [
    'a changed byte and its old times',
    async ([file = '']) => {
      await flip(file);
      await utimes(file, 1, 1);
    },
  ],
  ['a cut file', ([file = '']) => truncate(file, 10)],
  ['a missing file', ([, file = '']) => unlink(file)],
];

/** The longest tick of a kernel's clock that files are dated by, in ms, and some more. */
const TICK = 20;

async function flip(file = ''): Promise<void> {
  const bytes = await readFile(file);
  // Else it may be dated as it was saved, and nothing tells that it was written to since.
  await sleep(TICK);
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe('a look-up', () => {
  it.each(HARMS)('is a miss over %s, and the key is free again', async (_what, harm) => {
    const files = await save('key');
    await harm(files);
    later();
    expect(await lookup('key')).toEqual({ hit: false });
    expect(found).toEqual(['lookup']);
    expect(logged.join('')).toContain('quarantined');
    expect(logged.join('')).not.toContain('sig=');
    await save('key');
    expect(await lookup('key')).toMatchObject({ hit: true, key: 'key' });
  });

  it('goes on to the next best: an older prefix, then the next scope', async () => {
    await save('key-1', onMain);
    await save('key-2');
    const files = await save('key-3');
    await flip(files[0]);
    later();
    expect(await lookup('key-')).toMatchObject({ key: 'key-2', scope: 'feature' });
    const [again] = await Promise.all([save('key-4').then(([file]) => file)]);
    await flip(again);
    later();
    expect(await lookup('key-4')).toEqual({ hit: false });
    expect(await lookup('key-1')).toMatchObject({ key: 'key-1', scope: 'main' });
  });

  it('takes what was only touched, and notes it', async () => {
    const [file = ''] = await save('key');
    await utimes(file, 1, 1);
    later();
    expect(await lookup('key')).toMatchObject({ hit: true });
    expect(found).toEqual([]);
    later();
    expect(await lookup('key')).toMatchObject({ hit: true });
  });

  it('asks the store of a hot entry now and then alone', async () => {
    const [file = ''] = await save('key');
    await unlink(file);
    expect(await lookup('key')).toMatchObject({ hit: true });
    ahead += 11_000;
    expect(await lookup('key')).toEqual({ hit: false });
  });
});

describe('a commit', () => {
  it('refuses bytes that are not those that were sent', async () => {
    const { uploadId } = await cache.reserve(access, { key: 'key', version: 'ab' });
    const { parts } = await cache.offerParts(access, uploadId, { parts: [{ number: 1, sizeBytes: 4 }] });
    const blob = parts[0]?.url.split('?')[0]?.split('/').at(-1) ?? '';
    await cache.write(blob, 4, Readable.from([Buffer.from('here')]));
    const sent = { sizeBytes: 4, parts: [1], crc32: [crc32('sent')] };
    await expect(cache.commit(access, uploadId, sent)).rejects.toMatchObject({
      code: 'cache-checksum-mismatch',
    });
    // Also after a restart, which forgets what was computed on the way in.
    await cache.close();
    cache = await open();
    await expect(cache.commit(access, uploadId, sent)).rejects.toMatchObject({
      code: 'cache-checksum-mismatch',
    });
    await expect(cache.commit(access, uploadId, { ...sent, crc32: [1, 2] })).rejects.toMatchObject({
      code: 'cache-checksum-mismatch',
    });
    expect(await lookup('key')).toEqual({ hit: false });
    await cache.commit(access, uploadId, { ...sent, crc32: [crc32('here')] });
    expect(await lookup('key')).toMatchObject({ hit: true });
  });
});

describe('a restore', () => {
  it('breaks off over changed bytes, and the entry is gone soon', async () => {
    const files = await save('key');
    const hit = await lookup('key');
    const id = hit.hit ? (/entries\/(\d+)/.exec(hit.url)?.[1] ?? '') : '';
    await flip(files[1]);
    const content = await cache.content('acme/app', id);
    if (content === undefined) throw new Error('no content');
    await expect(buffer(await cache.read(content, { start: 0, end: 199_999 }))).rejects.toThrow('not those');
    await expect.poll(() => found).toEqual(['restore']);
    expect(await lookup('key')).toEqual({ hit: false });
  });

  it('is not believed in what it says against an entry', async () => {
    await save('key');
    const hit = await lookup('key');
    const id = hit.hit ? (/entries\/(\d+)/.exec(hit.url)?.[1] ?? '') : '';
    for (let round = 0; round < 5; round++) cache.doubt('acme/app', id);
    await cache.close();
    cache = await open();
    expect(found).toEqual([]);
    expect(await lookup('key')).toMatchObject({ hit: true });
  });
});

describe('verify', () => {
  it('reads everything through, finds what no look-up asked for, and leaves other tenants alone', async () => {
    await save('good');
    const [file] = await save('bad');
    const [elsewhere] = await save('bad', { ...other });
    await flip(file);
    await flip(elsewhere);
    const outcomes = async (tenant?: string) => {
      const seen: string[] = [];
      for await (const { entry, outcome } of cache.verify(tenant))
        seen.push(`${entry.tenant} ${entry.key} ${outcome}`);
      return seen.sort();
    };
    expect(await outcomes('acme/app')).toEqual(['acme/app bad corrupt', 'acme/app good sound']);
    expect(await outcomes()).toEqual(['acme/app good sound', 'acme/other bad corrupt']);
    expect(found).toEqual(['verify', 'verify']);
  });
});

it('keeps the bytes of what is in quarantine', async () => {
  const files = await save('key');
  await flip(files[0]);
  later();
  expect(await lookup('key')).toEqual({ hit: false });
  const kept = await readdir(join(folder, 'blobs'), { recursive: true });
  for (const file of files) expect(kept.map((name) => join(folder, 'blobs', name))).toContain(file);
});
