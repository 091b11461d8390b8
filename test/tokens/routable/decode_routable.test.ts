import { expect, test } from 'vitest';
import { decodeRoutable } from '../../../src/tokens/routable/decode_routable.ts';
import { checksumOf } from '../../../src/tokens/routable/form.ts';
import { type Malformation, MalformedToken } from '../../../src/tokens/routable/malformed.ts';
import { KNOWN_GOOD, sealed } from './samples.ts';

const RANDOM = Buffer.from('0123456789abcdef');
const payload = (lines: string, random = RANDOM, count = random.length) =>
  Buffer.concat([Buffer.from(lines, 'latin1'), random, Buffer.of(count)]);
const token = (lines: string, prefix = 'hrt_') => sealed(prefix, payload(lines));

function malformation(text: string): Malformation | 'accepted' {
  try {
    decodeRoutable(text);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof MalformedToken)) throw error;
    return error.code;
  }
}

test.each(KNOWN_GOOD)('reads %s, which another program made', (text) => {
  expect(decodeRoutable(text)).toEqual({
    prefix: text.slice(0, 3),
    routing: { cell: '1', organization: '1' },
    randomBytes: 16,
    checksum: 'ok',
  });
});

test.each(['hrt_', 'glrt-t2_', 't2_', 't3_', 'glrt-', 'a_b-c_', 'YzoxCm86_'])(
  'finds the end of the prefix %s',
  (prefix) => {
    expect(decodeRoutable(token('c:1\no:1', prefix)).prefix).toBe(prefix);
  },
);

test.each([
  ['c:1', { cell: '1' }],
  ['c:10', { cell: '36' }],
  ['c:0', { cell: '0' }],
  ['c:2gosa7pa2gv', { cell: '9007199254740991' }],
  ['c:2gosa7pa2gx', { cell: '9007199254740993' }],
  ['c:=1a', { cell: '1a' }],
  ['c:1a', { cell: '46' }],
  ['c:=007\no:=acme\np:=acme/web', { cell: '007', organization: 'acme', project: 'acme/web' }],
  ['c:1\ng:2\no:3\np:4\nu:5', { cell: '1', group: '2', organization: '3', project: '4', user: '5' }],
  ['u:=Octo.Cat_1', { user: 'Octo.Cat_1' }],
])('reads the payload %j', (lines, routing) => {
  expect(decodeRoutable(token(lines)).routing).toEqual(routing);
});

test('passes over a key that it does not know, so that an older router routes a newer token', () => {
  expect(decodeRoutable(token('a:=x\nc:1\nt:2\nz:0')).routing).toEqual({ cell: '1' });
});

test('counts the random bytes by the last one, whatever they are', () => {
  const newlines = Buffer.from('\n:c1\n'.repeat(51));
  expect(decodeRoutable(sealed('hrt_', payload('c:1', newlines)))).toMatchObject({
    randomBytes: 255,
    routing: { cell: '1' },
  });
});

const [GOOD] = KNOWN_GOOD;
const tail = (text: string) => text + checksumOf(text);
const front = GOOD.slice(0, -7);
/** The payload's text with one of the four bits set that carry nothing: 25 bytes leave them in the last character. */
const spareBits = () => {
  const text = payload('c:1\no:11').toString('base64url');
  const last = text.at(-1) ?? '';
  const after = String.fromCharCode(last.charCodeAt(0) + 1);
  expect(Buffer.from(text.slice(0, -1) + after, 'base64url')).toEqual(Buffer.from(text, 'base64url'));
  return text.slice(0, -1) + after;
};

test.each<[string, Malformation, () => string]>([
  ['nothing', 'form', () => ''],
  ['a word', 'form', () => 'token'],
  ['no dot', 'form', () => GOOD.replace('.', '')],
  ['two dots', 'form', () => GOOD.replace('.', '.01.')],
  ['a space before', 'form', () => ` ${GOOD}`],
  ['a line break behind', 'form', () => `${GOOD}\n`],
  ['upper-case base 36', 'form', () => GOOD.slice(0, -9) + GOOD.slice(-9).toUpperCase()],
  ['padding of base64', 'form', () => tail(`${front.slice(0, -3)}=.0x`)],
  [
    'the other alphabet of base64',
    'form',
    () => sealed('t2_', payload('c:1').toString('base64').replace(/.$/, '+')),
  ],
  ['far too long', 'form', () => sealed('hrt_', 'A'.repeat(1400), 1295)],
  ['another letter', 'checksum', () => GOOD.replace('Yzox', 'YzoX')],
  ['another prefix', 'checksum', () => GOOD.replace('t2_', 't3_')],
  ['another length', 'checksum', () => GOOD.replace('.0w', '.0v')],
  ['another checksum', 'checksum', () => GOOD.replace(/v$/, 'w')],
  [
    'the checksum and 2^32 more',
    'checksum',
    () => front + (Number.parseInt(GOOD.slice(-7), 36) + 2 ** 32).toString(36),
  ],
  ['a length beyond its start', 'length', () => sealed('t2_', payload('c:1'), 1295)],
  ['a length of all of it', 'prefix', () => sealed('t2_', 'AAAAAAAA', 11)],
  ['no prefix', 'prefix', () => sealed('', payload('c:1'))],
  ['a prefix without an end', 'prefix', () => sealed('t2', payload('c:1'))],
  ['a prefix that begins with a digit', 'prefix', () => sealed('2t_', payload('c:1'))],
  ['a prefix of 33 characters', 'prefix', () => sealed(`${'a'.repeat(32)}_`, payload('c:1'))],
  ['no text', 'base64', () => sealed('t2_', '')],
  [
    'a text of one character more than bytes',
    'base64',
    () => sealed('t2_', `${payload('c:1\no:1').toString('base64url')}A`),
  ],
  ['spare bits that are set', 'base64', () => sealed('t2_', spareBits())],
  ['a count of none', 'count', () => sealed('t2_', payload('c:1', Buffer.alloc(0)))],
  ['a count beyond its start', 'count', () => sealed('t2_', payload('c:1', RANDOM, 20))],
  ['no routing', 'payload', () => token('')],
  ['an empty line', 'payload', () => token('c:1\n')],
  ['a line break first', 'payload', () => token('\nc:1')],
  ['keys out of order', 'payload', () => token('o:1\nc:1')],
  ['a key twice', 'payload', () => token('c:1\nc:1')],
  ['a key twice, of which one is not known', 'payload', () => token('c:1\nt:1\nt:1')],
  ['a key of two letters', 'payload', () => token('cc:1')],
  ['a key in upper case', 'payload', () => token('C:1')],
  ['no key', 'payload', () => token(':1')],
  ['no value', 'payload', () => token('c:')],
  ['no colon', 'payload', () => token('c1')],
  ['a number with a leading zero', 'payload', () => token('c:01')],
  ['a number in upper case', 'payload', () => token('c:A')],
  ['a negative number', 'payload', () => token('c:-1')],
  ['a name without its mark', 'payload', () => token('c:ac-me')],
  ['an empty name', 'payload', () => token('c:=')],
  ['a number as a name', 'payload', () => token('c:=36')],
  ['a name that begins with a dot', 'payload', () => token('c:=.hidden')],
  ['a name with a space', 'payload', () => token('c:=a b')],
  ['a name with two marks', 'payload', () => token('c:==a')],
  ['a name beyond ASCII', 'payload', () => token('c:=\u00e9')],
  ['a name of 129 characters', 'payload', () => token(`c:=${'a'.repeat(129)}`)],
  ['a number beyond 128 digits', 'payload', () => token(`c:${(10n ** 128n).toString(36)}`)],
  ['an endless number', 'payload', () => token(`c:${'z'.repeat(600)}`)],
])('refuses %s: %s', (_, code, text) => {
  expect(malformation(text())).toBe(code);
});

test('an error quotes nothing of the token', () => {
  const text = GOOD.replace('Yzox', 'YzoX');
  expect(() => decodeRoutable(text)).toThrow(/^malformed token: its checksum is wrong/);
  expect(() => decodeRoutable(text)).not.toThrow(text.slice(3, 12));
});
