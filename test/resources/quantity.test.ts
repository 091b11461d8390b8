import { expect, it } from 'vitest';
import { quantityBytes } from '../../src/resources/quantity.ts';

it.each([
  ['0', 0],
  ['1000', 1000],
  ['10Gi', 10 * 2 ** 30],
  ['1.5Mi', 1.5 * 2 ** 20],
  ['0.0001k', 1],
  ['500M', 5e8],
  ['2Ti', 2 ** 41],
  ['1Pi', 2 ** 50],
])('%s are %i bytes', (text, bytes) => expect(quantityBytes(text)).toBe(bytes));

it.each(['', '10 Gi', '10GB', '-1', '1e3', '1m', '.5Gi', 'Gi', '1Ei'])('%j is no size', (text) =>
  expect(() => quantityBytes(text)).toThrow('not a quantity'),
);
