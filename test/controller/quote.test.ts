import { expect, it } from 'vitest';
import { quote } from '../../src/controller/quote.ts';

it.each([
  ['the end counts', `${'first '.repeat(100)}\nlast`, 'last'],
  ['lines', 'one\r\n\n  two  \n', 'one | two'],
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
])('quotes %s', (_, words, expected) => {
  expect(quote(words).endsWith(expected)).toBe(true);
  expect(quote(words).length).toBeLessThanOrEqual(260);
});

it.each([
  'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
  'ghs_16C7e42F292c6912E7710c838347Ae178B4a',
  'github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz',
  'glrt-t3_ZZyyxxwwvvuuttssrr',
  'hrt_abcdefgh12345678',
  '0123456789abcdef0123456789abcdef01234567',
])('quotes no secret: %s', (secret) => {
  for (const words of [`got ${secret}`, `got "${secret}",`, `${secret}\nthe end`])
    expect(quote(words)).not.toContain(secret.slice(8));
});

it.each([
  ['Authorization: Bearer abcdefgh.ijk', 'abcdefgh'],
  ['password=hunter2 x', 'hunter2'],
  ['"token": "s3cr3t"', 's3cr3t'],
  ['https://user:pw@gitea.example.test/x', 'user:pw'],
])('quotes nothing of the secret in %s', (words, secret) => {
  expect(quote(words)).not.toContain(secret);
});
