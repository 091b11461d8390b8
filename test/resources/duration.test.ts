import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { duration, durationSeconds } from '../../src/resources/duration.ts';

const amount = fc.option(fc.integer({ min: 0, max: 9999 }), { nil: undefined });

describe('durationSeconds', () => {
  test.each([
    ['60s', 60],
    ['1h', 3600],
    ['1h30m', 5400],
    ['90m5s', 5405],
  ])('%s is %i s', (text, seconds) => {
    expect(durationSeconds(text)).toBe(seconds);
  });

  test.each(['', 'h', '1', '-1s', '1.5h', '1d', '1m1h', ' 1h', '1h ', '1H', '1h\n'])('%j is none', (text) => {
    expect(() => durationSeconds(text)).toThrow('not a duration');
  });

  test('is the sum of its parts, and the schema admits what it reads', () => {
    const schema = duration('How long.');
    fc.assert(
      fc.property(amount, amount, amount, (h, m, s) => {
        fc.pre(h !== undefined || m !== undefined || s !== undefined);
        const part = (value: number | undefined, unit: string) =>
          value === undefined ? '' : `${value}${unit}`;
        const text = part(h, 'h') + part(m, 'm') + part(s, 's');
        expect(durationSeconds(text)).toBe((h ?? 0) * 3600 + (m ?? 0) * 60 + (s ?? 0));
        expect(schema.safeParse(text).success).toBe(true);
      }),
    );
  });

  test('what the schema refuses is not read either', () => {
    const schema = duration('How long.');
    fc.assert(
      fc.property(
        fc.string({ maxLength: 8, unit: fc.constantFrom('1', '0', 'h', 'm', 's', '-', ' ') }),
        (text) => {
          fc.pre(!schema.safeParse(text).success);
          expect(() => durationSeconds(text)).toThrow('not a duration');
        },
      ),
    );
  });
});
