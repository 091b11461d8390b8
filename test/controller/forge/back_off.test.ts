import { describe, expect, it } from 'vitest';
import { asForgeError, failingAfter, toError } from '../../../src/controller/forge/back_off.ts';
import type { Failing } from '../../../src/controller/forge/known_forge.ts';
import { pauseMs } from '../../../src/controller/forge/pause.ts';
import { ForgeError } from '../../../src/forges/forge_error.ts';

describe('failingAfter', () => {
  it('doubles the pause from 5 s to 5 min, and asks no more than 6 times in the first minute', () => {
    const pauses: number[] = [];
    let failing: Failing | undefined;
    let nowMs = 0;
    while (nowMs < 3_600_000) {
      failing = failingAfter(failing, new ForgeError('Unauthorized', '401'), nowMs, 0);
      pauses.push(failing.againAtMs - nowMs);
      nowMs = failing.againAtMs;
    }
    expect(pauses.slice(0, 8)).toEqual([5, 10, 20, 40, 80, 160, 300, 300].map((one) => one * 1000));
    let inFirstMinute = 0;
    for (let at = 0; at < 60_000; at += pauses[inFirstMinute++] ?? 0);
    expect(inFirstMinute).toBeLessThanOrEqual(6);
  });

  it('waits as long as the forge says', () => {
    const error = new ForgeError('RateLimited', 'later', 900_000);
    expect(failingAfter(undefined, error, 1_000, 1).againAtMs).toBe(901_000);
  });

  it('tells nothing of an error that is not the adapter’s', () => {
    expect(asForgeError(new Error('with a secret')).message).not.toContain('secret');
    expect(failingAfter(undefined, new TypeError('secret'), 0, 0)).toMatchObject({ reason: 'Unavailable' });
  });

  it('can be told again with what is left of the pause', () => {
    const failing = failingAfter(undefined, new ForgeError('Forbidden', 'no'), 0, 0);
    expect(toError(failing, 2_000)).toMatchObject({
      reason: 'Forbidden',
      message: 'no',
      retryAfterMs: 3_000,
    });
  });
});

describe('pauseMs', () => {
  it.each([
    ['nobody is awaited', { joining: [], ending: false }, 30_000],
    ['a runner has just been let in', { joining: [100_000, 4_000], ending: false }, 2_500],
    ['one has not come for a minute', { joining: [61_000], ending: false }, 10_000],
    ['the pool ends', { joining: [], ending: true }, 2_500],
  ])('when %s', (_, awaited, expected) => {
    expect(pauseMs({ intervalMs: 30_000, ...awaited })).toBe(expected);
    expect(pauseMs({ intervalMs: 2_000, ...awaited })).toBe(2_000);
  });
});
