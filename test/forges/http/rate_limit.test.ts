import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rateLimit } from '../../../src/forges/http/rate_limit.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const EPOCH = NOW.getTime() / 1000;
const DATE = NOW.toUTCString();

type Headers = Record<string, string>;
const of = (status: number, headers: Headers, text = '') => rateLimit({ status, headers, text }, NOW);

test.each<[what: string, status: number, headers: Headers, text: string, expected: object | undefined]>([
  ['nothing said', 200, {}, '', undefined],
  ['some left', 200, { 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': `${EPOCH + 60}` }, '', undefined],
  [
    'the last one, and when there are more (GitHub)',
    200,
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': `${EPOCH + 60}` },
    '',
    { waitMs: 60_000, refused: false },
  ],
  [
    'the last one (GitLab)',
    200,
    { 'ratelimit-remaining': '0', 'ratelimit-reset': `${EPOCH + 30}` },
    '',
    { waitMs: 30_000, refused: false },
  ],
  [
    'the last one, in seconds from now',
    200,
    { 'ratelimit-remaining': '0', 'ratelimit-reset': '30' },
    '',
    { waitMs: 30_000, refused: false },
  ],
  [
    'by the clock of the forge, which is an hour ahead of ours',
    403,
    {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': `${EPOCH + 3660}`,
      date: new Date(NOW.getTime() + 3_600_000).toUTCString(),
    },
    '',
    { waitMs: 60_000, refused: true },
  ],
  ['429 with seconds', 429, { 'retry-after': '7' }, '', { waitMs: 7_000, refused: true }],
  [
    '429 with a date',
    429,
    { 'retry-after': new Date(NOW.getTime() + 9_000).toUTCString(), date: DATE },
    '',
    { waitMs: 9_000, refused: true },
  ],
  ['429 without a word', 429, {}, '', { waitMs: 60_000, refused: true }],
  ['429 with nonsense', 429, { 'retry-after': 'soon' }, '', { waitMs: 60_000, refused: true }],
  ['a secondary limit with a time', 403, { 'retry-after': '3' }, '{}', { waitMs: 3_000, refused: true }],
  [
    'a secondary limit without one',
    403,
    {},
    '{"message":"You have exceeded a secondary rate limit."}',
    { waitMs: 60_000, refused: true },
  ],
  ['a 403 that is none', 403, { 'x-ratelimit-remaining': '4999' }, '{"message":"Not for you"}', undefined],
  ['an overloaded forge', 503, { 'retry-after': '5' }, '', { waitMs: 5_000, refused: false }],
  ['a week', 429, { 'retry-after': '604800' }, '', { waitMs: 3_600_000, refused: true }],
  ['a time that is over', 429, { 'retry-after': '0' }, '', { waitMs: 1_000, refused: true }],
])('%s', (_, status, headers, text, expected) => {
  expect(of(status, headers, text)).toEqual(expected);
});

test('whatever a forge says, it is asked again within an hour, and not within the second', () => {
  const value = fc.oneof(fc.string(), fc.nat().map(String), fc.bigInt().map(String), fc.constant('0'));
  const headers = fc.record(
    {
      'retry-after': value,
      'x-ratelimit-remaining': value,
      'x-ratelimit-reset': value,
      'ratelimit-remaining': value,
      'ratelimit-reset': value,
      date: value,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom(200, 403, 429, 503), headers, (status, given) => {
      const limit = of(status, given);
      if (limit === undefined) return;
      expect(limit.waitMs).toBeGreaterThanOrEqual(1_000);
      expect(limit.waitMs).toBeLessThanOrEqual(3_600_000);
    }),
  );
});
