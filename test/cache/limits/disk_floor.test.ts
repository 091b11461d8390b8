import { tmpdir } from 'node:os';
import { describe, expect, it, test } from 'vitest';
import { missingBytes, parseFloor, spaceOf } from '../../../src/cache/limits/disk_floor.ts';

describe('a floor', () => {
  it.each([
    ['5%', { percent: 5 }],
    ['0%', { percent: 0 }],
    ['12.5%', { percent: 12.5 }],
    ['20Gi', { bytes: 20 * 2 ** 30 }],
    ['1000', { bytes: 1000 }],
  ])('is read from %s', (text, floor) => expect(parseFloor(text)).toEqual(floor));

  it.each(['', '%', '100%', '-5%', '5 %', '1e9', 'half'])('is not read from %j', (text) =>
    expect(() => parseFloor(text)).toThrow(),
  );
});

test.each([
  [{ percent: 5 }, 50, 0, 0],
  [{ percent: 5 }, 49, 0, 1],
  [{ bytes: 100 }, 150, 50, 0],
  [{ bytes: 100 }, 150, 51, 1],
  [{ bytes: 0 }, 0, 7, 7],
])('%j of 1000 bytes, %i free and %i to come: %i are missing', (floor, freeBytes, incoming, missing) => {
  expect(missingBytes({ totalBytes: 1000, freeBytes }, floor, incoming)).toBe(missing);
});

test('a volume is as large as its filesystem says, or as somebody who knows better says', async () => {
  const disk = await spaceOf(tmpdir());
  expect(disk.totalBytes).toBeGreaterThanOrEqual(disk.freeBytes);
  expect(await spaceOf(tmpdir(), 1000, 300)).toEqual({
    totalBytes: 1000,
    freeBytes: Math.min(700, disk.freeBytes),
  });
  expect(await spaceOf(tmpdir(), 1000, 3000)).toMatchObject({ freeBytes: 0 });
});
