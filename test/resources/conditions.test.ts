import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Condition, conditions, setCondition } from '../../src/resources/conditions.ts';

const noon = new Date('2026-01-01T12:00:00.123Z');
const later = new Date('2026-01-01T13:00:00Z');
const ready = { type: 'Ready', status: 'False', reason: 'Starting', message: 'no runner yet' } as const;

describe('setCondition', () => {
  test('a new condition changed now, to the second', () => {
    expect(setCondition([], ready, noon)).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T12:00:00Z' }]);
  });

  test('another reason of the same status is no transition', () => {
    const before = setCondition([], ready, noon);
    const after = setCondition(before, { ...ready, reason: 'Failing' }, later);
    expect(after).toEqual([{ ...ready, reason: 'Failing', lastTransitionTime: '2026-01-01T12:00:00Z' }]);
  });

  test('another status is', () => {
    const after = setCondition(setCondition([], ready, noon), { ...ready, status: 'True' }, later);
    expect(after[0]?.lastTransitionTime).toBe('2026-01-01T13:00:00Z');
  });

  test('one of each type, in one order whatever came first, and as the schema has it', () => {
    const one = fc.record({
      type: fc.constantFrom('Ready', 'Progressing', 'Degraded'),
      status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
      reason: fc.constantFrom('A', 'B'),
      message: fc.string({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (steps) => {
        const result = steps.reduce<Condition[]>((all, step) => setCondition(all, step, noon), []);
        const types = result.map((condition) => condition.type);
        expect(types).toEqual([...new Set(steps.map((step) => step.type))].sort());
        expect(conditions.parse(result)).toEqual(result);
        for (const condition of result)
          expect(condition).toMatchObject(steps.findLast((step) => step.type === condition.type) ?? {});
      }),
    );
  });
});
