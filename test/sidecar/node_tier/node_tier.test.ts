import { copyFile, open, readdir, rm, stat, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SidecarProcess } from '../sidecar_process.ts';
import { find, forget, MIB, type Node, restore, restoreInRanges, save, startNode, until } from './node.ts';

const SIZE = 9 * MIB + 12_345;
const LIMIT = 24 * MIB;

let node: Node;
let one: SidecarProcess;
let two: SidecarProcess;
beforeAll(async () => {
  node = await startNode(LIMIT);
  one = await node.sidecar();
  two = await node.sidecar();
}, 60_000);
afterAll(() => node.close(), 60_000);
afterEach(async () => {
  // Else one would come up in the next test.
  await noDrafts();
  for (const name of await readdir(node.folder)) await rm(join(node.folder, name));
}, 60_000);

const kept = () => until('an entry on the node', async () => (await node.files('.entry')).length === 1);
/** A restore is over before its draft is an entry. */
const noDrafts = () => until('the end of all drafts', async () => (await node.files('.draft')).length === 0);
const onlyEntry = async () => join(node.folder, (await node.files('.entry'))[0] ?? '');

let serial = 0;
/** An entry that the first sidecar has saved and restored, so that the node has it. */
async function onNode(size = SIZE): Promise<{ key: string; bytes: Buffer; path: string }> {
  const key = `entry-${serial++}`;
  const bytes = await save(one.url, key, size);
  expect((await restore(one.url, key)).equals(bytes)).toBe(true);
  await kept();
  await node.served();
  return { key, bytes, path: await onlyEntry() };
}

describe('what one runner of a node restored', { timeout: 60_000 }, () => {
  it('the next gets from the node’s disk: nothing comes from the store', async () => {
    const { key, bytes, path } = await onNode();
    expect((await restore(two.url, key)).equals(bytes)).toBe(true);
    expect((await restoreInRanges(two.url, key, SIZE)).equals(bytes)).toBe(true);
    expect((await restoreInRanges(one.url, key, SIZE, 1_234_567)).equals(bytes)).toBe(true);
    expect(await node.served()).toBe(0);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is kept when it was restored in parallel ranges, too', async () => {
    const bytes = await save(one.url, 'ranges', SIZE);
    expect((await restoreInRanges(one.url, 'ranges', SIZE)).equals(bytes)).toBe(true);
    await kept();
    await node.served();
    expect((await restore(two.url, 'ranges')).equals(bytes)).toBe(true);
    expect(await node.served()).toBe(0);
  });

  it('is answered by the very ranges that were asked for', async () => {
    const { key, bytes } = await onNode();
    const url = String(await find(two.url, key));
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 0],
      [`bytes=${MIB - 1}-${MIB}`, MIB - 1, MIB],
      ['bytes=-5', SIZE - 5, SIZE - 1],
      [`bytes=${2 * MIB}-`, 2 * MIB, SIZE - 1],
    ] as const) {
      const answer = await fetch(url, { headers: { range } });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([
        206,
        `bytes ${start}-${end}/${SIZE}`,
      ]);
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(start, end + 1))).toBe(true);
    }
    expect(await node.served()).toBe(0);
    expect((await fetch(url, { headers: { range: `bytes=${SIZE}-` } })).status).toBe(416);
    expect((await fetch(url, { method: 'HEAD' })).headers.get('content-length')).toBe(String(SIZE));
  });

  it('is not there for whom the api does not name it', async () => {
    const { key } = await onNode();
    await forget(node, key);
    expect(await find(two.url, key)).toBeUndefined();
    expect(await node.files('.entry')).toHaveLength(1);
    const bytes = await save(one.url, key, SIZE);
    expect((await restore(two.url, key)).equals(bytes)).toBe(true);
    expect(await node.served()).toBe(SIZE);
  });
});

describe('a file that is not as it was written', { timeout: 60_000 }, () => {
  const flip = async (path: string, at: number) => {
    const file = await open(path, 'r+');
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
    await file.close();
  };
  it.each<[string, (path: string, size: number) => Promise<void>, number]>([
    ['in its first byte', (path) => flip(path, 0), SIZE],
    ['in its middle', (path) => flip(path, 5 * MIB + 7), SIZE - 5 * MIB],
    ['in its last byte', (path) => flip(path, SIZE - 1), 12_345],
    ['in its digests', (path) => flip(path, SIZE + 40), SIZE],
    ['in its seal', (path, size) => flip(path, size - 1), SIZE],
    ['by being too short', (path, size) => truncate(path, size - 1), SIZE],
    ['by being empty', (path) => truncate(path, 0), SIZE],
    ['by being too long', (path, size) => truncate(path, size + 1), SIZE],
    ['by a hole', (path) => truncate(path, 3 * MIB).then(() => truncate(path, SIZE + 11 * 32)), SIZE],
  ])('%s is seen before it is sent, and asked of the store', async (_, damage, fromStore) => {
    const { key, bytes, path } = await onNode();
    await damage(path, (await stat(path)).size);
    expect((await restore(two.url, key)).equals(bytes)).toBe(true);
    expect(await node.served()).toBe(fromStore);
    if (fromStore < SIZE) expect(await node.files('.entry')).toEqual([]);
    // Sooner or later it is back.
    expect((await restore(two.url, key)).equals(bytes)).toBe(true);
    await kept();
    await node.served();
    expect((await restoreInRanges(one.url, key, SIZE)).equals(bytes)).toBe(true);
    expect(await node.served()).toBe(0);
  });

  it('of another entry under its name is not taken for it', async () => {
    const first = await onNode();
    const other = join(node.folder, 'other');
    await copyFile(first.path, other);
    await rm(first.path);
    const second = await onNode();
    await copyFile(other, second.path);
    await rm(other);
    expect((await restore(two.url, second.key)).equals(second.bytes)).toBe(true);
    expect(await node.served()).toBe(SIZE);
  });
});

describe('the size of the tier', { timeout: 60_000 }, () => {
  it('makes room by what was used the longest ago', async () => {
    const size = 7 * MIB;
    const keys = ['room-a', 'room-b', 'room-c', 'room-d'];
    const saved = new Map<string, Buffer>();
    for (const key of keys) saved.set(key, await save(one.url, key, size));
    for (const [index, key] of keys.slice(0, 3).entries()) {
      await restore(one.url, key);
      await until('kept', async () => (await node.files('.entry')).length === index + 1);
      await sleep(10);
    }
    await restore(two.url, 'room-a');
    await restore(two.url, 'room-d');
    await noDrafts();
    expect(await node.files('.entry')).toHaveLength(3);
    await node.served();
    for (const key of ['room-a', 'room-c', 'room-d']) await restore(two.url, key);
    expect(await node.served()).toBe(0);
    await restore(two.url, 'room-b');
    expect(await node.served()).toBe(size);
  });

  it('does not take what is larger than all of it', async () => {
    const bytes = await save(one.url, 'large', LIMIT);
    expect((await restore(one.url, 'large')).equals(bytes)).toBe(true);
    expect(await readdir(node.folder)).toEqual([]);
  });

  it('is held by sidecars that work at once', { timeout: 120_000 }, async () => {
    const size = 3 * MIB;
    const keys = Array.from({ length: 14 }, (_, index) => `load-${index}`);
    const saved = new Map<string, Buffer>();
    for (const key of keys) saved.set(key, await save(one.url, key, size));
    const third = await node.sidecar();
    let most = 0;
    let looking = true;
    const watching = (async () => {
      while (looking) {
        most = Math.max(most, (await onDisk(node.folder)) ?? 0);
        await sleep(2);
      }
    })();
    const lane = async (sidecar: SidecarProcess, order: readonly string[]) => {
      for (const key of order) {
        const got = await restore(sidecar.url, key);
        expect(got.equals(saved.get(key) ?? Buffer.alloc(0))).toBe(true);
      }
    };
    const turned = (by: number) => [...keys.slice(by), ...keys.slice(0, by)];
    await Promise.all(
      [one, two, third].flatMap((sidecar, index) => [
        lane(sidecar, turned(index * 3)),
        lane(sidecar, turned(index * 3 + 7).reverse()),
      ]),
    );
    looking = false;
    await watching;
    await noDrafts();
    await until('a look at the folder', async () => {
      const now = await onDisk(node.folder);
      most = Math.max(most, now ?? 0);
      return now !== undefined;
    });
    await third.stop();
    // It was used, and never beyond its bound.
    expect(most).toBeGreaterThan(LIMIT / 3);
    expect(most).toBeLessThanOrEqual(LIMIT);
  });
});

describe('a sidecar that is killed in the middle', { timeout: 60_000 }, () => {
  it('leaves nothing that is read, and its draft goes', { timeout: 60_000 }, async () => {
    const bytes = await save(one.url, 'killed', 20 * MIB);
    const dying = await node.sidecar();
    const answer = await fetch(String(await find(dying.url, 'killed')));
    const reader = answer.body?.getReader();
    await reader?.read();
    await until('a draft', async () => (await node.files('.draft')).length === 1);
    dying.child.kill('SIGKILL');
    await reader?.cancel().catch(() => undefined);
    expect(await node.files('.entry')).toEqual([]);
    expect((await restore(two.url, 'killed')).equals(bytes)).toBe(true);

    // What it left counts against the bound until it is old; then whoever needs the room takes it.
    const [left = ''] = await node.files('.draft');
    const long = new Date(Date.now() - 3600_000);
    await utimes(join(node.folder, left), long, long);
    const next = await node.sidecar();
    expect((await restore(next.url, 'killed')).equals(bytes)).toBe(true);
    await kept();
    expect(await node.files('.draft')).toEqual([]);
    await node.served();
    expect((await restore(two.url, 'killed')).equals(bytes)).toBe(true);
    expect(await node.served()).toBe(0);
    await next.stop();
  });

  it('is no fault of the job’s when the folder is gone', async () => {
    const lost = await node.sidecar({ HARRIER_NODE_CACHE_DIR: '/proc/nowhere' });
    const bytes = await save(lost.url, 'no-folder', MIB);
    expect((await restore(lost.url, 'no-folder')).equals(bytes)).toBe(true);
    expect(lost.log().some(({ msg }) => String(msg).includes('cannot be used'))).toBe(true);
    await lost.stop();
  });
});

/**
 * What the files really take: a draft has its whole length before a byte of it is written. Undefined when one came or
 * went meanwhile: one that is gone would be counted beside what took its place. Of those that stay each only grows.
 */
async function onDisk(folder: string): Promise<number | undefined> {
  const seen = async () =>
    [(await stat(folder, { bigint: true })).mtimeNs, ...(await readdir(folder))].join();
  const before = await seen();
  const sizes = (await readdir(folder)).map((name) =>
    stat(join(folder, name)).then(
      ({ blocks, size }) => Math.min(blocks * 512, size),
      () => 0,
    ),
  );
  const sum = (await Promise.all(sizes)).reduce((all, size) => all + size, 0);
  return (await seen()) === before ? sum : undefined;
}
