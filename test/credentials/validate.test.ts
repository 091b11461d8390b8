import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { createGuardedGet } from '../../src/credentials/guarded_get.ts';
import { createValidateCredential } from '../../src/credentials/validate.ts';
import type { Verdict } from '../../src/credentials/verdict.ts';
import { allowedHosts } from '../../src/egress/allowed_hosts.ts';
import { type Supplied, supplied } from '../../src/resources/supplied.ts';

const PATH = 'spec.token.supplied';
const secretRef = { name: 'forge-token' };
const CREDENTIAL = 'canary-0123456789abcdef';

let server: Server;
let base: string;
let asked: IncomingMessage[];
/** The next answers' status, headers and body. */
let answer: { status?: number; headers?: Record<string, string>; body?: unknown };
let keys: object[];
let now = Date.now();

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    if (request.url?.startsWith('/jwks')) {
      response.end(JSON.stringify({ keys }));
      return;
    }
    const { status = 200, headers = {}, body } = answer;
    response.writeHead(status, headers).end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  answer = {};
  now = Date.now();
});

function validator() {
  const get = createGuardedGet({ allowed: allowedHosts(['127.0.0.1']) });
  const validate = createValidateCredential({ get, now: () => new Date(now) });
  return async (how: object, value = CREDENTIAL): Promise<Verdict> => {
    const parsed: Supplied = supplied.parse({ secretRef, ...how });
    return await validate(Buffer.from(value), parsed, PATH);
  };
}

describe('a service that is asked', () => {
  const ask = (validate: object, value?: string) =>
    validator()({ validate: { url: `${base}/user`, ...validate } }, value);

  test.each<[string, object, string, string]>([
    ['as a bearer', {}, 'authorization', `Bearer ${CREDENTIAL}`],
    ["in Gitea's way", { scheme: 'token' }, 'authorization', `token ${CREDENTIAL}`],
    ["in GitLab's way", { header: 'PRIVATE-TOKEN', scheme: '' }, 'private-token', CREDENTIAL],
  ])('gets the credential %s', async (_what, how, header, value) => {
    expect(await ask(how)).toEqual({ good: true, recorded: {}, expiresAtMs: undefined });
    expect(asked[0]?.headers[header]).toBe(value);
  });

  test.each<[string, object, object, object]>([
    [
      'a subject in the body',
      { subject: { pointer: '/a/0/id' } },
      { body: { a: [{ id: 7 }] } },
      { subject: '7' },
    ],
    [
      'a subject in a header',
      { subject: { header: 'X-User' } },
      { headers: { 'x-user': 'ada' } },
      { subject: 'ada' },
    ],
    [
      'scopes in a header',
      { scopes: { header: 'X-OAuth-Scopes' } },
      { headers: { 'x-oauth-scopes': 'repo, admin,repo' } },
      { scopes: ['admin', 'repo'] },
    ],
    [
      'no scopes in a header',
      { scopes: { header: 'X-Scopes' } },
      { headers: { 'x-scopes': '' } },
      { scopes: [] },
    ],
    [
      'scopes in the body',
      { scopes: { pointer: '/scope' } },
      { body: { scope: 'b a' } },
      { scopes: ['a', 'b'] },
    ],
    ['another good status', { expectStatus: 204 }, { status: 204 }, {}],
  ])('is read: %s', async (_what, how, given, recorded) => {
    answer = given;
    expect(await ask(how)).toMatchObject({ good: true, recorded });
  });

  test.each<[string, object, object, string, string]>([
    ['a refusal', {}, { status: 401 }, 'CredentialInvalid', '.validate: the service refuses'],
    [
      'another success',
      {},
      { status: 204 },
      'CredentialUnverifiable',
      '.validate.url answers 204 and not 200',
    ],
    ['too many requests', {}, { status: 429 }, 'CredentialUnverifiable', 'answers 429'],
    [
      'no subject where it should be',
      { subject: { pointer: '/login' } },
      { body: { user: 'ada' } },
      'CredentialUnverifiable',
      '.validate.subject: the answer has nothing usable at /login',
    ],
    [
      'no header with scopes',
      { scopes: { header: 'X-Scopes' } },
      {},
      'CredentialUnverifiable',
      '.validate.scopes: the answer has nothing usable in a header X-Scopes',
    ],
    [
      'an echo of the credential',
      { subject: { pointer: '/token' } },
      { body: { token: CREDENTIAL } },
      'CredentialUnverifiable',
      'are the credential itself',
    ],
  ])('does not find good: %s', async (_what, how, given, reason, message) => {
    answer = given;
    const verdict = await ask(how);
    expect(verdict).toMatchObject({ good: false, reason, message: expect.stringContaining(message) });
    expect(JSON.stringify(verdict)).toContain(PATH);
    expect(JSON.stringify(verdict)).not.toContain(CREDENTIAL);
  });

  it('is not asked about what has not the form of a credential', async () => {
    expect(await ask({}, 'two words')).toMatchObject({ reason: 'CredentialInvalid' });
    expect(asked).toEqual([]);
  });
});

describe('keys of another issuer', () => {
  const issuer = 'https://login.example.test';
  type Key = Awaited<ReturnType<typeof aKey>>;
  let key: Key;

  async function aKey(kid: string) {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
  }
  const signed = (by: Key, claims: object = {}, exp: number | string = '1h') =>
    new SignJWT({ sub: 'robot', scope: 'b a', iss: issuer, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: by.kid })
      .setExpirationTime(exp)
      .sign(by.privateKey);
  const how = (more: object = {}) => ({ jwks: { url: `${base}/jwks`, issuer, ...more } });

  beforeEach(async () => {
    key = await aKey('one');
    keys = [key.jwk];
  });

  it('say whom a JWT speaks for, its scopes and until when', async () => {
    const exp = Math.floor(now / 1000) + 600;
    expect(await validator()(how(), await signed(key, {}, exp))).toEqual({
      good: true,
      recorded: { subject: 'robot', scopes: ['a', 'b'] },
      expiresAtMs: exp * 1000,
    });
    const other = await signed(key, { azp: 'cli', scp: ['x'], aud: ['us', 'them'] });
    const more = { subjectClaim: 'azp', scopesClaim: 'scp', audience: 'us' };
    expect(await validator()(how(more), other)).toMatchObject({
      recorded: { subject: 'cli', scopes: ['x'] },
    });
    expect(await validator()(how(), await signed(key, { scope: undefined }))).toMatchObject({
      recorded: { subject: 'robot', scopes: [] },
    });
  });

  test.each<[string, () => Promise<string> | string, string, string]>([
    ['of another issuer', () => signed(key, { iss: 'https://x' }), 'CredentialInvalid', 'claim iss'],
    ['not yet valid', () => signed(key, { nbf: now / 1000 + 60 }), 'CredentialInvalid', 'claim nbf'],
    ['expired', () => signed(key, {}, Math.floor(now / 1000) - 1), 'CredentialExpired', 'has expired'],
    ['without a subject', () => signed(key, { sub: undefined }), 'CredentialInvalid', 'no claim sub'],
    ['with scopes that are none', () => signed(key, { scope: 7 }), 'CredentialInvalid', '.jwks.scopesClaim'],
    ['signed by an unknown key', async () => signed(await aKey('two')), 'CredentialInvalid', 'not published'],
    [
      'signed by a namesake',
      async () => signed(await aKey('one')),
      'CredentialInvalid',
      'signature is wrong',
    ],
    [
      'that nobody signed',
      () => new UnsecuredJWT({ sub: 'robot', iss: issuer }).encode(),
      'CredentialInvalid',
      'not accepted',
    ],
    [
      'signed by a password',
      () =>
        new SignJWT({ sub: 'robot', iss: issuer })
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .sign(Buffer.from(JSON.stringify(key.jwk))),
      'CredentialInvalid',
      'not accepted',
    ],
    ['that is none', () => CREDENTIAL, 'CredentialInvalid', 'not a JWT'],
  ])('refuse a JWT %s', async (_what, jwt, reason, message) => {
    const value = await jwt();
    const verdict = await validator()(how(), value);
    expect(verdict).toMatchObject({ good: false, reason, message: expect.stringContaining(message) });
    expect(JSON.stringify(verdict)).not.toContain(value.split('.').at(-1) || 'nothing');
  });

  it('are fetched once for many, and not for every key that nobody knows', async () => {
    const validate = validator();
    const known = await signed(key);
    const unknown = await signed(await aKey('two'));
    for (let n = 0; n < 20; n++) await validate(how(), n % 2 === 0 ? known : unknown);
    expect(asked.length).toBe(1);
  });

  it('are nothing where a page is no key set', async () => {
    answer = { body: { no: 'keys' } };
    const verdict = await validator()(how({ url: `${base}/page` }), await signed(key));
    expect(verdict).toMatchObject({
      reason: 'CredentialUnverifiable',
      message: expect.stringContaining('jwks.url answers no key set'),
    });
  });
});

describe('what is asked of nobody', () => {
  it('is good when it has the form of a credential, and says of nobody whom it speaks for', async () => {
    expect(await validator()({})).toEqual({ good: true, recorded: {}, expiresAtMs: undefined });
    expect(await validator()({}, '')).toMatchObject({
      reason: 'CredentialInvalid',
      message: `${PATH}.secretRef: key token of Secret forge-token is empty`,
    });
    expect(asked).toEqual([]);
  });
});
