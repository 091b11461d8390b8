import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { expect, it } from 'vitest';
import type { Blobs } from '../../../src/cache/blobs/blobs.ts';
import { SqliteIndex } from '../../../src/cache/index/sqlite.ts';
import { Integrity } from '../../../src/cache/integrity/integrity.ts';
import { Scrub } from '../../../src/cache/integrity/scrub.ts';

const MIB = 1024 * 1024;
const CHUNK = 64 * 1024;

/** A store of blobs of 1 MiB each, which notes what is read of it and is as fast as it is let. */
function counting(): Pick<Blobs, 'examine' | 'checksum'> & { read: number } {
  return {
    read: 0,
    async examine(blobs) {
      return new Map(blobs.map((blob) => [blob, { sizeBytes: MIB, mark: 'm' }]));
    },
    async checksum(_blob, onBytes) {
      for (let at = 0; at < MIB; at += CHUNK) {
        this.read += CHUNK;
        await onBytes?.(CHUNK);
      }
      return { crc32: 1, sizeBytes: MIB };
    },
  };
}

async function scrubOf(entries: number, mebibytesPerSecond: number) {
  const index = new SqliteIndex(':memory:');
  for (let number = 0; number < entries; number++) {
    const reservation = { scope: 'main', key: `${number}`, version: 'a', pool: 'p', now: 1 };
    await index.reserve('t', { ...reservation, uploadId: `u${number}` });
    const part = { number: 1, blob: `b${number}`, sizeBytes: MIB, crc32: 1, mark: 'm' };
    await index.addParts('t', `u${number}`, [part], 1);
    await index.commit('t', `u${number}`, [part], 1);
  }
  const blobs = counting();
  const clock = { now: 1_000_000 };
  const now = () => clock.now;
  const integrity = new Integrity({
    index,
    blobs: blobs as unknown as Blobs,
    now,
    log: pino({ level: 'silent' }),
  });
  return { scrub: new Scrub({ index, integrity, mebibytesPerSecond, now }), blobs, clock };
}

it('reads every entry once a day', async () => {
  const { scrub, blobs, clock } = await scrubOf(230, 100_000);
  expect(await scrub.round()).toBe(230);
  expect(blobs.read).toBe(230 * MIB);
  expect(await scrub.round()).toBe(0);
  clock.now += 25 * 3600_000;
  expect(await scrub.round()).toBe(230);
});

it('reads no faster than it may, and ends when it is told to', async () => {
  const { scrub, blobs } = await scrubOf(50, 2);
  const began = performance.now();
  const round = scrub.round();
  await sleep(1500);
  const seconds = (performance.now() - began) / 1000;
  // A stride of half a MiB may be ahead.
  expect(blobs.read / MIB).toBeLessThanOrEqual(2 * seconds + 1);
  scrub.stop();
  expect(await round).toBeLessThan(50);
});
