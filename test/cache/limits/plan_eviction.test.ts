import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planEviction } from '../../../src/cache/limits/plan_eviction.ts';

const candidates = fc
  .array(fc.nat(100), { maxLength: 30 })
  .map((sizes) => sizes.map((sizeBytes, place) => ({ id: String(place), sizeBytes })));
const sum = (entries: readonly { sizeBytes: number }[]) =>
  entries.reduce((total, one) => total + one.sizeBytes, 0);

it('takes the first that are enough, no more, and never what is to be kept', () => {
  fc.assert(
    fc.property(candidates, fc.integer({ min: 0, max: 1500 }), fc.nat(30), (entries, over, kept) => {
      const keep = String(kept);
      const chosen = planEviction(over, entries, keep);
      const others = entries.filter((one) => one.id !== keep);
      expect(chosen).toEqual(others.slice(0, chosen.length));
      if (chosen.length < others.length) expect(sum(chosen)).toBeGreaterThanOrEqual(over);
      if (chosen.length > 0) expect(sum(chosen.slice(0, -1))).toBeLessThan(over);
    }),
  );
});
