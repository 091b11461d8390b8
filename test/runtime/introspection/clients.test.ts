import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientCredentials } from '../../../src/runtime/introspection/client_credentials.ts';
import { authenticateClient, parseClients } from '../../../src/runtime/introspection/clients.ts';

const sha = (secret: string) => hash('sha256', secret, 'hex');
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** As the client libraries do it: URLSearchParams is the form encoding. */
const encoded = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
const basic = (id: string, secret: string) => `Basic ${base64(`${encoded(id)}:${encoded(secret)}`)}`;

describe('client_secret_basic', () => {
  test('reads every id and secret back', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme' }),
        fc.string({ unit: 'grapheme' }),
        (id, secret) => {
          expect(clientCredentials(basic(id, secret))).toEqual({ id, secret });
        },
      ),
    );
  });

  test.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['a bearer', 'Bearer abc'],
    ['no base64', 'Basic %%%'],
    ['no colon', `Basic ${base64('abc')}`],
    ['no id', `Basic ${base64(':abc')}`],
    ['a broken percent sign', `Basic ${base64('a%zz:b')}`],
    ['a percent sign that makes no UTF-8', `Basic ${base64('a:%ff')}`],
  ])('%s is none', (_what, header) => {
    expect(clientCredentials(header)).toBeUndefined();
  });
});

describe('a client', () => {
  const clients = parseClients(
    JSON.stringify({
      gate: sha('s3cret+ :%'),
      'https://svc.example.com/a b': sha('url'),
      changing: [sha('old'), sha('new')],
    }),
  );

  test('is proven by its own secret, old or new', () => {
    expect(authenticateClient(clients, basic('gate', 's3cret+ :%'))).toBe('gate');
    expect(authenticateClient(clients, basic('https://svc.example.com/a b', 'url'))).toBe(
      'https://svc.example.com/a b',
    );
    for (const secret of ['old', 'new'])
      expect(authenticateClient(clients, basic('changing', secret))).toBe('changing');
  });

  test.each([
    ['another’s secret', basic('gate', 'url')],
    ['an empty secret', basic('gate', '')],
    ['the hash for the secret', basic('gate', sha('s3cret+ :%'))],
    ['an unknown id', basic('nobody', 's3cret+ :%')],
    ['a member of every object', basic('__proto__', 'x')],
    ['its constructor', basic('constructor', 'x')],
    ['an id of other letters', basic('Gate', 's3cret+ :%')],
  ])('is not proven by %s', (_what, header) => {
    expect(authenticateClient(clients, header)).toBeUndefined();
  });

  test('is nobody while there are no clients', () => {
    expect(authenticateClient(undefined, basic('gate', 's3cret+ :%'))).toBeUndefined();
    expect(authenticateClient({}, basic('gate', 's3cret+ :%'))).toBeUndefined();
  });
});

test.each([
  ['a secret in the clear', { gate: 'secret' }],
  ['upper case', { gate: sha('x').toUpperCase() }],
  ['three secrets', { gate: [sha('a'), sha('b'), sha('c')] }],
  ['no secret', { gate: [] }],
  ['an empty id', { '': sha('a') }],
  ['a list', [sha('a')]],
])('a file with %s is refused', (_what, content) => {
  expect(() => parseClients(JSON.stringify(content))).toThrow();
});
