import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { decodePlain } from '../../../src/tokens/routable/decode_plain.ts';
import { decodeRoutable } from '../../../src/tokens/routable/decode_routable.ts';
import { encodePlain } from '../../../src/tokens/routable/encode_plain.ts';
import { encodeRoutable } from '../../../src/tokens/routable/encode_routable.ts';
import { MalformedToken } from '../../../src/tokens/routable/malformed.ts';
import { tokenFormat } from '../../../src/tokens/routable/token_format.ts';
import { KNOWN_GOOD } from './samples.ts';

const RANDOM = Buffer.from('0123456789abcdef');
const longest = 'A'.repeat(128);

test.each(KNOWN_GOOD)('makes %s of what stands in it, to the letter', (text) => {
  const random = Buffer.from(text.slice(3, 35), 'base64url').subarray(7, 23);
  expect(
    encodeRoutable({ prefix: text.slice(0, 3), routing: { cell: '1', organization: '1' }, random }),
  ).toBe(text);
});

test('writes keys in their order, numbers in base 36 and names marked', () => {
  const routing = { user: '36', project: 'acme/web', organization: '007', group: '0', cell: '35' };
  const token = encodeRoutable({ prefix: 'hrt_', routing, random: RANDOM });
  const payload = Buffer.from(token.slice(4, -10), 'base64url').toString('latin1');
  expect(payload).toBe('c:z\ng:0\no:=007\np:=acme/web\nu:10' + '0123456789abcdef' + '\x10');
});

test('the longest routing with the most random bytes still has its length in two characters', () => {
  const routing = { cell: longest, organization: longest, group: longest, project: longest, user: longest };
  const token = encodeRoutable({ prefix: 'hrt_', routing, random: randomBytes(255) });
  expect(token.slice(-9, -7)).toBe((1220).toString(36));
  expect(decodeRoutable(token)).toMatchObject({ routing, randomBytes: 255 });
});

test.each<[string, Parameters<typeof encodeRoutable>[0]]>([
  ['no routing', { prefix: 'hrt_', routing: {}, random: RANDOM }],
  ['15 random bytes', { prefix: 'hrt_', routing: { cell: '1' }, random: RANDOM.subarray(1) }],
  ['256 random bytes', { prefix: 'hrt_', routing: { cell: '1' }, random: randomBytes(256) }],
  ['a prefix without an end', { prefix: 'hrt', routing: { cell: '1' }, random: RANDOM }],
  ['a prefix with a dot', { prefix: 'h.rt_', routing: { cell: '1' }, random: RANDOM }],
  ['a value with a line break', { prefix: 'hrt_', routing: { cell: '1\no:2' }, random: RANDOM }],
  ['an empty value', { prefix: 'hrt_', routing: { cell: '' }, random: RANDOM }],
])('makes no token of %s', (_, parts) => {
  expect(() => encodeRoutable(parts)).toThrow(RangeError);
});

test('the plain form is the prefix and the random bytes', () => {
  const token = encodePlain('hrt_', RANDOM);
  expect(token).toBe('hrt_MDEyMzQ1Njc4OWFiY2RlZg');
  expect(decodePlain(token)).toEqual({ prefix: 'hrt_', randomBytes: 16 });
});

test('finds the end of the prefix where the random part has underscores too', () => {
  const random = Buffer.alloc(24, 0xff);
  expect(encodePlain('glrt-t2_', random)).toBe(`glrt-t2_${'_'.repeat(32)}`);
  expect(decodePlain(encodePlain('glrt-t2_', random))).toEqual({ prefix: 'glrt-t2_', randomBytes: 24 });
});

test.each(['my_org_', 'hrt', '', 'HRT_', '-a_', '1a_'])(
  'makes no plain token with the prefix %j',
  (prefix) => {
    expect(() => encodePlain(prefix, RANDOM)).toThrow(RangeError);
  },
);

test('makes no plain token of 15 random bytes', () => {
  expect(() => encodePlain('hrt_', RANDOM.subarray(1))).toThrow(RangeError);
});

test.each([
  ['no prefix', 'MDEyMzQ1Njc4OWFiY2RlZg', 'form'],
  ['nothing behind it', 'hrt_', 'form'],
  ['a foreign character', 'hrt_MDEyMzQ1Njc4OWFiY2RlZg=', 'form'],
  ['a prefix that begins with a digit', '1rt_MDEyMzQ1Njc4OWFiY2RlZg', 'prefix'],
  ['spare bits that are set', 'hrt_MDEyMzQ1Njc4OWFiY2RlZh', 'base64'],
  ['half of it', 'hrt_MDEyMzQ1Njc4', 'count'],
])('refuses a plain token with %s', (_, token, code) => {
  expect(() => decodePlain(token)).toThrow(expect.objectContaining({ name: MalformedToken.name, code }));
});

test('the forms are told apart by their dots', () => {
  expect([encodePlain('hrt_', RANDOM), KNOWN_GOOD[0], 'e30.e30.AA', 'a.b.c.d'].map(tokenFormat)).toEqual([
    'plain',
    'routable',
    'jwt',
    undefined,
  ]);
});
