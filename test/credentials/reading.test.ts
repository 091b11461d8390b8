import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { expiryIn } from '../../src/credentials/expiry.ts';
import { credentialIn } from '../../src/credentials/form.ts';
import { givesAway } from '../../src/credentials/gives_away.ts';
import { forHolder } from '../../src/credentials/holder.ts';
import { scopesIn, subjectIn } from '../../src/credentials/identity_words.ts';
import { atPointer } from '../../src/credentials/json_pointer.ts';

describe('the form of a credential', () => {
  test.each([
    ['plain', 'ghp_abc123', 'ghp_abc123'],
    ['with a line end', 'ghp_abc123\n', 'ghp_abc123'],
    ['with a Windows line end', 'ghp_abc123\r\n', 'ghp_abc123'],
    ['with slashes', 'v2/a-b/c=', 'v2/a-b/c='],
  ])('%s is taken', (_what, text, credential) => {
    expect(credentialIn(Buffer.from(text))).toEqual({ credential });
  });

  test.each([
    ['empty', ''],
    ['line ends alone', '\n\n'],
    ['two lines', 'one\ntwo'],
    ['a header after it', 'one\r\nX-Admin: 1'],
    ['a space', 'one two'],
    ['a NUL', 'one\0'],
    ['other letters', 'sécret'],
    ['too long', 'x'.repeat(8193)],
  ])('%s is refused without being quoted', (_what, text) => {
    const form = credentialIn(Buffer.from(text));
    expect(form).toHaveProperty('problem');
    expect(JSON.stringify(form)).not.toContain('one');
  });

  it('whatever is taken can stand in a header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const form = credentialIn(Buffer.from(bytes));
        if ('credential' in form) expect(form.credential).toMatch(/^[\x21-\x7e]+$/);
      }),
    );
  });
});

describe('the holder', () => {
  const uid = '3c1e6f0a-0000-4000-8000-000000000001';
  test.each([
    ['v2/zzzzz-gj3su-0123456789abcde/secret', `v2/zzzzz-gj3su-0123456789abcde/secret/${uid}`],
    ['v2/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed/s3', `v2/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed/s3/${uid}`],
    ['v2/zzzzz-gj3su-0123456789abcde/secret/other', 'v2/zzzzz-gj3su-0123456789abcde/secret/other'],
    ['v2/zzzzz-gj3su-0123456789abcde/', 'v2/zzzzz-gj3su-0123456789abcde/'],
    ['v2//secret', 'v2//secret'],
    ['v1/zzzzz-gj3su-0123456789abcde/secret', 'v1/zzzzz-gj3su-0123456789abcde/secret'],
    ['V2/zzzzz-gj3su-0123456789abcde/secret', 'V2/zzzzz-gj3su-0123456789abcde/secret'],
    ['xv2/zzzzz-gj3su-0123456789abcde/secret', 'xv2/zzzzz-gj3su-0123456789abcde/secret'],
    ['ghp_abc', 'ghp_abc'],
  ])('%s is handed out as %s', (credential, handedOut) => {
    expect(forHolder(credential, uid)).toBe(handedOut);
  });
});

test.each<[unknown, string, unknown]>([
  [{ login: 'ada' }, '/login', 'ada'],
  [{ user: { 'a/b': { '~': 1 } } }, '/user/a~1b/~0', 1],
  [{ list: ['x', 'y'] }, '/list/1', 'y'],
  [{ list: ['x'] }, '/list/01', undefined],
  [{ list: ['x'] }, '/list/-', undefined],
  [{ list: ['x'] }, '/list/length', undefined],
  [{}, '/constructor/name', undefined],
  [{}, '/__proto__', undefined],
  [null, '/x', undefined],
  ['text', '/length', undefined],
  [{ '': 1 }, '/', 1],
])('in %j, %s leads to %j', (document, pointer, value) => {
  expect(atPointer(document, pointer)).toEqual(value);
});

test.each<[unknown, string[] | undefined]>([
  ['repo, user', ['repo', 'user']],
  ['openid  profile', ['openid', 'profile']],
  ['', []],
  [[], []],
  [
    ['b', 'a'],
    ['b', 'a'],
  ],
  [['a', 1], undefined],
  [['a', ''], undefined],
  [{ a: 1 }, undefined],
  [undefined, undefined],
  [7, undefined],
  [Array.from({ length: 129 }, (_, n) => `s${n}`), undefined],
  [['x'.repeat(513)], undefined],
])('scopes of %j', (value, scopes) => {
  expect(scopesIn(value)).toEqual(scopes);
});

test.each<[unknown, string | undefined]>([
  ['ada', 'ada'],
  [42, '42'],
  ['', undefined],
  [Number.NaN, undefined],
  [true, undefined],
  ['a\nb', undefined],
  ['x'.repeat(513), undefined],
  [['ada'], undefined],
])('subject of %j', (value, subject) => {
  expect(subjectIn(value)).toBe(subject);
});

test.each<[string, string, boolean]>([
  ['canary-0123456789abcdef', 'canary-0123456789abcdef', true],
  ['token canary-0123456789abcdef!', 'canary-0123456789abcdef', true],
  ['zzzzz-gj3su-0123456789abcde', 'v2/zzzzz-gj3su-0123456789abcde/s3cr3ts3cr3ts3cr3t', false],
  ['s3cr3ts3cr3ts3cr3t', 'v2/zzzzz-gj3su-0123456789abcde/s3cr3ts3cr3ts3cr3t', true],
  ['cGF5bG9hZGNsYWltcw', 'aGVhZGVy.cGF5bG9hZGNsYWltcw.c2ln', true],
  ['short', 'short', true],
  ['v2', 'v2/zzzzz-gj3su-0123456789abcde/s', false],
  ['ada', 'ghp_0123456789abcdef', false],
])('recorded %s of %s gives it away: %s', (subject, credential, away) => {
  expect(givesAway({ subject }, credential)).toBe(away);
  expect(givesAway({ scopes: ['read', subject] }, credential)).toBe(away);
});

test('an expiry is read of what has the form of a JWT, and of nothing else', () => {
  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
  expect(expiryIn(jwt({ exp: 1_800_000_000 }))).toBe(1_800_000_000_000);
  for (const none of [jwt({}), jwt({ exp: 'soon' }), 'ghp_abc', 'a.b.c', ''])
    expect(expiryIn(none), none).toBeUndefined();
});
