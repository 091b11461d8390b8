import { beforeAll, expect, test } from 'vitest';
import { MAX_TOKEN_LENGTH } from '../../../src/tokens/header.ts';
import { cellOfBearer } from '../../../src/tokens/routable/cell_of_bearer.ts';
import { encodePlain } from '../../../src/tokens/routable/encode_plain.ts';
import { encodeRoutable } from '../../../src/tokens/routable/encode_routable.ts';
import { anIssue } from '../builders.ts';
import { aRoutable, KNOWN_GOOD } from './samples.ts';

const RANDOM = Buffer.from('0123456789abcdef');
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const jwt = (claims: unknown, header: unknown = { alg: 'ES256' }) => `${part(header)}.${part(claims)}.AAAA`;
const ours = (claim: unknown) => jwt({ 'harrier.dev': claim });

let issued: string;
let issuedInCell: string;
beforeAll(async () => {
  issued = (await anIssue()).jwt;
  issuedInCell = (await anIssue({ routing: { cell: 'eu-1' } })).jwt;
});

test('reads the cell of a routable token, whatever its prefix', () => {
  expect(cellOfBearer(KNOWN_GOOD[0])).toEqual({ kind: 'cell', cell: '1' });
  expect(cellOfBearer(aRoutable('glrt-'))).toEqual({ kind: 'cell', cell: '1' });
});

test('reads the cell of a JWT as we issue it', () => {
  expect(cellOfBearer(issuedInCell)).toEqual({ kind: 'cell', cell: 'eu-1' });
});

test.each<[string, () => string]>([
  ['a plain token', () => encodePlain('hrt_', RANDOM)],
  ['a value that a user brought', () => 'a-secret-of-the-users-own'],
  [
    'a routable token without a cell',
    () => encodeRoutable({ prefix: 'hrt_', routing: { user: '1' }, random: RANDOM }),
  ],
  ['a JWT as we issue it without cells', () => issued],
  ['a JWT of somebody else', () => jwt({ iss: 'https://elsewhere.example.com' })],
])('finds none in %s', (_, bearer) => {
  expect(cellOfBearer(bearer())).toEqual({ kind: 'none' });
});

test.each<[string, string, () => string]>([
  ['four parts', 'form', () => `${issued}.AAAA`],
  ['a broken routable token', 'checksum', () => KNOWN_GOOD[0].replace('Yz', 'YZ')],
  ['more than any token has', 'form', () => 'a'.repeat(MAX_TOKEN_LENGTH + 1)],
  ['a JWT without a signature', 'base64', () => jwt({}).replace(/AAAA$/, '')],
  ['a JWT with padding', 'base64', () => `${jwt({})}=`],
  ['a header that is no JSON', 'header', () => jwt({}, '{')],
  ['a header without an algorithm', 'header', () => jwt({}, {})],
  ['claims that are no JSON', 'claims', () => jwt('{"harrier.dev":')],
  ['claims that are no text', 'claims', () => `${part({ alg: 'ES256' })}._w.AAAA`],
  ['claims that are a list', 'claims', () => jwt([])],
  ['our claim a text', 'claims', () => ours('cell')],
  ['our claim null', 'claims', () => ours(null)],
  ['a cell that is a number', 'claims', () => ours({ cell: 1 })],
  ['a cell that leads elsewhere', 'claims', () => ours({ cell: '../2' })],
  ['an empty cell', 'claims', () => ours({ cell: '' })],
])('calls %s malformed: %s', (_, code, bearer) => {
  expect(cellOfBearer(bearer())).toEqual({ kind: 'malformed', code });
});

test('a claim that is inherited is none', () => {
  expect(cellOfBearer(jwt('{"__proto__":{"harrier.dev":{"cell":"2"}}}'))).toEqual({ kind: 'none' });
});
