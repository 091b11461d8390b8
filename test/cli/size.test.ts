import { expect, test } from 'vitest';
import { sizeText } from '../../src/cli/size.ts';

test.each([
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [102_400, '100 KiB'],
  [10 * 1024 ** 3, '10 GiB'],
  [1024 ** 5 * 2000, '2000 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
