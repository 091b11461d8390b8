import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, expect, test } from 'vitest';
import { createCollector } from '../../src/memory/collector.ts';

const MIB = 1024 * 1024;

/** Buffers outside of V8's heap, as a stream makes them. */
function stream(mebibytes: number): Buffer[] {
  return Array.from({ length: mebibytes }, (_, index) => Buffer.allocUnsafeSlow(MIB).fill(index));
}

/** V8 may be in the middle of a collection of its own, which would end while we look. */
beforeEach(() => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
});

const outside = () => process.memoryUsage().arrayBuffers / MIB;

test('after the last request what it kept is collected, and not while another goes on', async () => {
  const collector = createCollector();
  collector.begin();
  collector.begin();
  const kept = stream(20);
  // What is held for so long is old, and beyond the quick collections.
  await sleep(500);
  kept.length = 0;
  const left = outside();
  expect(left).toBeGreaterThan(20);
  collector.end();
  await sleep(1300);
  expect(outside()).toBeGreaterThan(left - 5);
  collector.end();
  await expect.poll(outside).toBeLessThan(left - 15);
});

test('garbage is collected while a relay goes on', async () => {
  const collector = createCollector();
  collector.begin();
  stream(20);
  const left = outside();
  await expect.poll(outside).toBeLessThan(left - 15);
  collector.end();
});
