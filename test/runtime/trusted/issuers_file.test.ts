import { expect, test } from 'vitest';
import { parseTrustedIssuers } from '../../../src/runtime/trusted/issuers_file.ts';

const OWN = 'https://here.example.com';
const entry = {
  issuer: 'https://there.example.com',
  jwksUri: 'https://there.example.com/.well-known/jwks.json',
  introspection: { url: 'https://there.example.com/v1/introspect', clientId: 'here', secretFile: '/secret' },
};
const parse = (...entries: unknown[]) => parseTrustedIssuers(JSON.stringify(entries), OWN);

test('reads issuers, and http where it is allowed by name', () => {
  expect(parse(entry)).toEqual([{ ...entry, allowHttp: false }]);
  expect(parse()).toEqual([]);
  const plain = { ...entry, jwksUri: 'http://there/jwks.json' };
  expect(parse({ ...plain, allowHttp: true })).toHaveLength(1);
  expect(() => parse(plain)).toThrow();
});

test.each([
  ['our own issuer', [{ ...entry, issuer: OWN }]],
  ['an issuer twice', [entry, entry]],
  ['http for introspection', [{ ...entry, introspection: { ...entry.introspection, url: 'http://there' } }]],
  ['another scheme', [{ ...entry, jwksUri: 'file:///etc/passwd', allowHttp: true }]],
  ['an issuer with a fragment', [{ ...entry, issuer: 'https://there.example.com#x' }]],
  ['a user in an address', [{ ...entry, jwksUri: 'https://a:b@there.example.com' }]],
  ['a secret in the clear', [{ ...entry, introspection: { ...entry.introspection, secret: 'x' } }]],
  ['no client', [{ ...entry, introspection: { ...entry.introspection, clientId: '' } }]],
  ['a member that nobody knows', [{ ...entry, trustEverything: true }]],
])('refuses %s', (_what, entries) => {
  expect(() => parse(...entries)).toThrow();
});
