import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRoutable } from '../../../src/tokens/routable/decode_routable.ts';
import { encodeRoutable } from '../../../src/tokens/routable/encode_routable.ts';
import { MalformedToken } from '../../../src/tokens/routable/malformed.ts';
import { KNOWN_GOOD, prefixes, randoms, routings, sealed } from './samples.ts';

const tokens = fc.oneof(
  fc.constantFrom(...KNOWN_GOOD),
  fc.record({ prefix: prefixes, routing: routings, random: randoms }).map((parts) => encodeRoutable(parts)),
);

test('what was encoded is decoded again', () => {
  fc.assert(
    fc.property(prefixes, routings, randoms, (prefix, routing, random) => {
      expect(decodeRoutable(encodeRoutable({ prefix, routing, random }))).toEqual({
        prefix,
        routing,
        randomBytes: random.length,
        checksum: 'ok',
      });
    }),
    { numRuns: 2000 },
  );
});

const ALPHABET = [...'ABYZabyz0189-_.', ...'=+/ \n\t~é', '\u0130', '\u{1F600}', '\0'];
const character = fc.constantFrom(...ALPHABET);
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const mutations: fc.Arbitrary<(token: string) => string> = fc.oneof(
  fc.tuple(place, character).map(
    ([p, c]) =>
      (t: string) =>
        t.slice(0, at(t, p)) + c + t.slice(at(t, p) + 1),
  ),
  fc.tuple(place, character).map(
    ([p, c]) =>
      (t: string) =>
        t.slice(0, at(t, p)) + c + t.slice(at(t, p)),
  ),
  place.map((p) => (t: string) => t.slice(0, at(t, p)) + t.slice(at(t, p) + 1)),
  place.map((p) => (t: string) => t.slice(0, at(t, p))),
  place.map((p) => (t: string) => t.slice(at(t, p) + 1)),
  place.map((p) => (t: string) => flipCase(t, at(t, p))),
  fc.tuple(place, place).map(
    ([p, q]) =>
      (t: string) =>
        swap(t, at(t, p), at(t, q)),
  ),
  fc.tuple(place, fc.nat(7)).map(
    ([p, bit]) =>
      (t: string) =>
        flipBit(t, at(t, p), bit),
  ),
  fc.constantFrom(
    (t: string) => t + t,
    (t: string) => t.toUpperCase(),
    (t: string) => `${t}\n`,
  ),
);

test('of 100,000 mutated tokens none is accepted', () => {
  let mutated = 0;
  fc.assert(
    fc.property(tokens, fc.array(mutations, { minLength: 1, maxLength: 3 }), (token, changes) => {
      const other = changes.reduce((text, change) => change(text), token);
      fc.pre(other !== token);
      mutated += 1;
      expect(() => decodeRoutable(other)).toThrow(MalformedToken);
    }),
    { numRuns: 100_000 },
  );
  expect(mutated).toBeGreaterThanOrEqual(100_000);
}, 300_000);

test('of mutated payloads under a right checksum only those are accepted that encode as just that', () => {
  const changedPayload = fc.oneof(
    fc.tuple(fc.constant('bytes'), place, fc.nat(255)),
    fc.tuple(fc.constant('cut'), place, fc.constant(0)),
    fc.tuple(fc.constant('text'), place, fc.nat(63)),
  );
  let accepted = 0;
  fc.assert(
    fc.property(routings, randoms, changedPayload, (routing, random, [what, where, value]) => {
      const token = encodeRoutable({ prefix: 'hrt_', routing, random });
      const text = token.slice(4, token.lastIndexOf('.'));
      const other = sealed('hrt_', changedText(text, what, where, value));
      const read = decoded(other);
      if (read === undefined || hasUnknownKey(other, read.randomBytes)) return;
      accepted += 1;
      const bytes = Buffer.from(other.slice(4, other.lastIndexOf('.')), 'base64url').subarray(0, -1);
      const again = bytes.subarray(bytes.length - read.randomBytes);
      if (again.length >= 16)
        expect(encodeRoutable({ prefix: read.prefix, routing: read.routing, random: again })).toBe(other);
    }),
    { numRuns: 20_000 },
  );
  expect(accepted).toBeGreaterThan(200);
}, 300_000);

const at = (text: string, where: number) => Math.floor(where * text.length);

function flipCase(text: string, index: number): string {
  const char = text[index] ?? '';
  const other = char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase();
  return text.slice(0, index) + other + text.slice(index + 1);
}

function swap(text: string, one: number, other: number): string {
  const chars = [...text];
  const kept = chars[one];
  chars[one] = chars[other] ?? '';
  chars[other] = kept ?? '';
  return chars.join('');
}

function flipBit(text: string, index: number, bit: number): string {
  const bytes = Buffer.from(text, 'latin1');
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
  return bytes.toString('latin1');
}

const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];

function changedText(text: string, what: string, where: number, value: number): string {
  if (what === 'text')
    return text.slice(0, at(text, where)) + BASE64URL[value] + text.slice(at(text, where) + 1);
  const bytes = Buffer.from(text, 'base64url');
  const index = Math.floor(where * bytes.length);
  if (what === 'cut') return bytes.subarray(index).toString('base64url');
  bytes[index] = value;
  return bytes.toString('base64url');
}

function decoded(token: string) {
  try {
    return decodeRoutable(token);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedToken);
    return undefined;
  }
}

/** Such keys are passed over, so they are not there when the routing is encoded again. */
function hasUnknownKey(token: string, randomBytes: number): boolean {
  const payload = Buffer.from(token.slice(4, token.lastIndexOf('.')), 'base64url');
  const lines = payload.toString('latin1', 0, payload.length - 1 - randomBytes).split('\n');
  return lines.some((line) => !'cgopu'.includes(line[0] ?? ''));
}
