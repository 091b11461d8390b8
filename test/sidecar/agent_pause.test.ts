import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AGENT_CLOSES } from '../../src/protocol/agent_close.ts';
import { afterClose, pauseBefore } from '../../src/sidecar/agent_pause.ts';

it('pauses are spread from nothing to a bound that doubles, and no longer than half a minute', () => {
  const longest = [0, 1, 2, 5, 6, 50].map((failures) => pauseBefore(failures, () => 1));
  expect(longest).toEqual([500, 1000, 2000, 16_000, 30_000, 30_000]);
  fc.assert(
    fc.property(fc.nat(1000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const pause = pauseBefore(failures, () => random);
      expect(pause).toBeGreaterThanOrEqual(0);
      expect(pause).toBeLessThanOrEqual(30_000);
    }),
  );
});

it.each([
  ['ended', 'never'],
  ['revoked', 'never'],
  ['expired', 'at-once'],
  ['restarting', 1],
  ['unverifiable', 2],
  ['replaced', 6],
  ['policy', 6],
  ['tooLarge', 6],
] as const)('after %s it comes back: %s', (name, next) => {
  expect(afterClose(AGENT_CLOSES[name][0])).toBe(next);
});

it('a connection that just broke is tried again soon', () => {
  expect(afterClose(1006)).toBe(0);
});
