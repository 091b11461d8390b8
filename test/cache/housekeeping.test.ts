import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderBlobs } from '../../src/cache/blobs/folder.ts';
import { SignedUrls } from '../../src/cache/blobs/signed_url.ts';
import { loadSigningKey } from '../../src/cache/blobs/signing_key.ts';
import { commit } from '../../src/cache/commit.ts';
import { Durability } from '../../src/cache/durability.ts';
import { SqliteIndex } from '../../src/cache/index/sqlite.ts';
import { Integrity } from '../../src/cache/integrity/integrity.ts';
import { Limits } from '../../src/cache/limits/limits.ts';
import { lookup } from '../../src/cache/lookup.ts';
import { offerParts } from '../../src/cache/offer_parts.ts';
import type { CacheParts } from '../../src/cache/open.ts';
import { Recency } from '../../src/cache/recency.ts';
import { reserve } from '../../src/cache/reserve.ts';
import type { CacheAccess } from '../../src/cache/scope.ts';
import { ABANDONED_AFTER, ORPHAN_GRACE, releaseAbandoned, removeOrphans } from '../../src/cache/sweep.ts';

const log = pino({ level: 'silent' });
const access: CacheAccess = {
  enabled: true,
  tenant: 't',
  pool: 'runners/pool',
  scopes: [{ name: 'main', permission: 'ReadWrite' }],
};

let folder: string;
let time: number;
let parts: CacheParts & { blobs: FolderBlobs; index: SqliteIndex };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-chores-'));
  time = Date.now();
  const now = () => time;
  const index = new SqliteIndex(join(folder, 'cache.sqlite'));
  const blobs = await FolderBlobs.open(join(folder, 'blobs'));
  const recency = new Recency(index, now, log);
  parts = {
    index,
    blobs,
    urls: new SignedUrls(await loadSigningKey(folder), now),
    recency,
    durability: new Durability(index, blobs, log),
    integrity: new Integrity({ index, blobs, now, log }),
    limits: new Limits({ index, blobs, recency, now, log }),
    now,
  };
});

afterEach(async () => {
  await parts.durability.close(5000);
  await parts.index.close();
  await rm(folder, { recursive: true });
});

async function upload(key: string, text?: string): Promise<{ uploadId: string; blob: string }> {
  const { uploadId } = await reserve(parts, access, { key, version: 'a' });
  const offered = await offerParts(parts, access, uploadId, { parts: [{ number: 1, sizeBytes: 3 }] });
  const blob = new URL(offered.parts[0]?.url ?? '', 'http://api').pathname.split('/').at(-1) ?? '';
  if (text !== undefined) await parts.blobs.write(blob, 3, Readable.from([Buffer.from(text)]));
  return { uploadId, blob };
}
async function save(key: string): Promise<string> {
  const { uploadId, blob } = await upload(key, 'abc');
  await commit(parts, access, uploadId, { sizeBytes: 3, parts: [1] });
  return blob;
}
const hit = async (key: string) => (await lookup(parts, access, { keys: [key], version: 'a' })).hit;
async function files(): Promise<string[]> {
  const found = await readdir(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  return found.filter((one) => one.isFile()).map((one) => one.name);
}
const path = (blob: string) => join(folder, 'blobs', blob.slice(0, 2), blob);

describe('abandoned uploads', () => {
  it('keep their key for an hour after the last request for parts, then give it back with their bytes', async () => {
    const { uploadId } = await upload('npm', 'abc');
    time += ABANDONED_AFTER;
    await offerParts(parts, access, uploadId, { parts: [{ number: 2, sizeBytes: 1 }] });
    time += ABANDONED_AFTER;
    expect(await releaseAbandoned(parts)).toBe(0);
    await expect(reserve(parts, access, { key: 'npm', version: 'a' })).rejects.toMatchObject({
      code: 'cache-entry-exists',
    });
    time += 1;
    expect(await releaseAbandoned(parts)).toBe(2);
    expect(await files()).toEqual([]);
    expect(await save('npm')).toBeDefined();
  });

  it('are not entries, however old', async () => {
    await save('done');
    time += 100 * ABANDONED_AFTER;
    expect(await releaseAbandoned(parts)).toBe(0);
    expect(await hit('done')).toBe(true);
  });
});

describe('orphans', () => {
  it('go after their grace: blobs that nothing names and half-written files, and nothing else', async () => {
    const named = await save('npm');
    const { blob: open } = await upload('open', 'abc');
    const [orphan, young] = [crypto.randomUUID(), crypto.randomUUID()];
    for (const blob of [orphan, young]) await parts.blobs.write(blob, 1, Readable.from([Buffer.from('x')]));
    await writeFile(`${path(orphan)}.part`, 'half');
    await mkdir(join(folder, 'blobs', '00', 'lost+found'), { recursive: true });
    const old = new Date(time - ORPHAN_GRACE - 1000);
    for (const file of [path(named), path(open), path(orphan), `${path(orphan)}.part`])
      await utimes(file, old, old);

    expect(await removeOrphans(parts)).toBe(1);
    expect((await files()).sort()).toEqual([named, open, young].sort());
  });
});

describe('durability', () => {
  it('marks what has reached the disk', async () => {
    await save('npm');
    await parts.durability.settled();
    expect(await parts.index.undurable()).toEqual([]);
  });

  it('keeps unmarked entries over a restart of the process, and brings them to the disk then', async () => {
    await parts.durability.recover(folder);
    await parts.durability.close(0);
    await save('npm');
    expect(await parts.index.undurable()).toHaveLength(1);

    const next = new Durability(parts.index, parts.blobs, log);
    await next.recover(folder);
    await next.settled();
    expect(await parts.index.undurable()).toEqual([]);
    expect(await hit('npm')).toBe(true);
  });

  it('drops unmarked entries, and only those, when the machine was down in between', async () => {
    await parts.durability.recover(folder);
    await save('reached');
    await parts.durability.settled();
    await parts.durability.close(0);
    await save('not-reached');

    expect(await readFile(join(folder, 'boot-id'), 'utf8')).toMatch(/[0-9a-f-]{36}/);
    await writeFile(join(folder, 'boot-id'), 'another boot');
    await new Durability(parts.index, parts.blobs, log).recover(folder);
    expect([await hit('reached'), await hit('not-reached')]).toEqual([true, false]);
    expect(await save('not-reached')).toBeDefined();
  });
});

describe('recency', () => {
  it('writes the last use of many hits at once', async () => {
    await save('npm');
    const created = time;
    time += 5000;
    for (let n = 0; n < 10; n++) await hit('npm');
    const usedAt = async () =>
      (await parts.index.find('t', 'a', [{ scope: 'main', key: 'npm' }]))?.lastUsedAt;
    expect(await usedAt()).toBe(created);
    await parts.recency.flush();
    expect(await usedAt()).toBe(created + 5000);
  });
});

describe('the folder', () => {
  it.each([
    '../../cache.sqlite',
    '..',
    '',
    'a'.repeat(36),
    `${crypto.randomUUID()}\0`,
    `x/${crypto.randomUUID()}`,
  ])('has no blob %j', async (blob) => {
    const refused = { code: 'not-found' };
    await expect(parts.blobs.write(blob, 1, Readable.from([Buffer.from('x')]))).rejects.toMatchObject(
      refused,
    );
    await expect(parts.blobs.read([{ blob, sizeBytes: 1 }], { start: 0, end: 0 })).rejects.toMatchObject(
      refused,
    );
    await expect(parts.blobs.remove([blob])).rejects.toMatchObject(refused);
  });

  it.each([0, 2, 4, 100_000])('refuses a source of %i bytes for 3 and keeps nothing', async (length) => {
    const blob = crypto.randomUUID();
    const source = Readable.from(length === 0 ? [] : [Buffer.alloc(length)]);
    await expect(parts.blobs.write(blob, 3, source)).rejects.toMatchObject({ code: 'cache-size-mismatch' });
    expect(await files()).toEqual([]);
  });

  it('fails a read, instead of filling it up, when a file is shorter than the index says', async () => {
    const blob = await save('npm');
    await writeFile(path(blob), 'ab');
    const stream = await parts.blobs.read([{ blob, sizeBytes: 3 }], { start: 0, end: 2 });
    await expect(buffer(stream)).rejects.toThrow('not those that were saved');
  });

  it('says that the bytes are gone before it begins to answer', async () => {
    const blobs = [{ blob: crypto.randomUUID(), sizeBytes: 3 }];
    await expect(parts.blobs.read(blobs, { start: 0, end: 2 })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the signing key', () => {
  it('is made once, for the owner alone, and kept', async () => {
    const again = await loadSigningKey(folder);
    const first = parts.urls.entry('t', '1');
    expect(new SignedUrls(again, () => time).entry('t', '1')).toBe(first);
    expect((await stat(join(folder, 'url-signing.key'))).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).filter((name) => name.startsWith('url-signing'))).toHaveLength(1);
  });

  it('is one key when several start at once', async () => {
    await rm(join(folder, 'url-signing.key'));
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadSigningKey(folder)));
    expect(new Set(keys.map((key) => key.export().toString('hex'))).size).toBe(1);
  });

  it('is refused when it is not whole', async () => {
    await writeFile(join(folder, 'url-signing.key'), 'short');
    await expect(loadSigningKey(folder)).rejects.toThrow('5 bytes instead of 32');
  });
});
