import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { createCheckJobToken } from '../../../src/credentials/check_job_token.ts';
import { createGuardedGet } from '../../../src/credentials/guarded_get.ts';
import { allowedHosts } from '../../../src/egress/allowed_hosts.ts';
import { claimsOf, ISSUER, type JobIssuer, startJobIssuer } from './job_issuer.ts';

let issuer: JobIssuer;
let other: JobIssuer;
beforeAll(async () => {
  [issuer, other] = await Promise.all([startJobIssuer(), startJobIssuer()]);
});
afterAll(() => {
  issuer.stop();
  other.stop();
});

const MAIN = [['refs/heads/main', 3]] as const;
const checker = (hosts = ['127.0.0.1'], now = Date.now) =>
  createCheckJobToken(createGuardedGet({ allowed: allowedHosts(hosts) }), now);

test('a genuine token says who the job is', async () => {
  expect(await checker()(await issuer.token('42', MAIN), issuer.identity)).toEqual({
    repositoryId: '42',
    scopes: [{ name: 'refs/heads/main', read: true, write: true }],
  });
});

const seconds = () => Math.floor(Date.now() / 1000);
const BAD: [what: string, token: () => Promise<string> | string, why: string][] = [
  ['nothing', () => '', 'no JWT'],
  ['no JWT', () => 'a.b.c', 'no JWT'],
  ['one without a signature', () => new UnsecuredJWT(claimsOf('42', MAIN)).encode(), ''],
  [
    'one whose ac was changed',
    async () => {
      const [header, , signature] = (await issuer.token('42', [['refs/pull/7/merge', 3]])).split('.');
      const forged = Buffer.from(JSON.stringify(claimsOf('42', MAIN))).toString('base64url');
      return `${header}.${forged}.${signature}`;
    },
    'signature is wrong',
  ],
  [
    'one of another key under its name',
    async () => {
      const { privateKey } = await generateKeyPair('RS256');
      return issuer.sign(claimsOf('42', MAIN), { key: privateKey, kid: issuer.kid });
    },
    'signature is wrong',
  ],
  [
    'one of another key',
    async () => issuer.sign(claimsOf('42', MAIN), { key: other.key, kid: 'unheard-of' }),
    'not published',
  ],
  ['one of another issuer', async () => other.token('42', MAIN), 'signature is wrong'],
  [
    'one that a secret signed, as Gitea does',
    () => new SignJWT(claimsOf('42', MAIN)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32, 1)),
    '',
  ],
  [
    'one that says another issuer',
    async () => issuer.token('42', MAIN, { iss: 'https://evil' }),
    'claim iss',
  ],
  ['one that has expired', async () => issuer.token('42', MAIN, { exp: seconds() - 60 }), 'expired'],
  ['one that is for later', async () => issuer.token('42', MAIN, { nbf: seconds() + 600 }), 'claim nbf'],
  [
    'one for ever',
    async () => {
      const { exp: _, ...claims } = claimsOf('42', MAIN);
      return issuer.sign(claims);
    },
    'claim exp',
  ],
  ['one that names no repository', async () => issuer.token('', MAIN), 'names no repository'],
  ['one that is too long', async () => issuer.token('42', MAIN, { filler: 'x'.repeat(20_000) }), 'too long'],
];

test.each(BAD)('%s is refused', async (_, token, why) => {
  const refused = await checker()(await token(), issuer.identity).catch((error) => error);
  expect(refused).toMatchObject({ name: 'JobTokenRefused', message: expect.stringContaining(why) });
});

test('an audience is asked for where the pool names one', async () => {
  const identity = { ...issuer.identity, audience: 'harrier' };
  const check = checker();
  await expect(check(await issuer.token('42', MAIN), identity)).rejects.toThrow('claim aud');
  await expect(check(await issuer.token('42', MAIN, { aud: 'harrier' }), identity)).resolves.toBeDefined();
});

test('a token is checked once a minute, its keys are fetched once, and an end comes when it is due', async () => {
  let now = Date.now();
  const check = checker(undefined, () => now);
  const token = await issuer.token('42', MAIN, { exp: Math.floor(now / 1000) + 30 });
  const before = issuer.asked();
  for (let n = 0; n < 20; n++) await check(token, issuer.identity);
  expect(issuer.asked()).toBe(before + 1);
  now += 40_000;
  await expect(check(token, issuer.identity)).rejects.toThrow('expired');
});

test("a token that one pool's issuer vouches for is nothing to a pool with another", async () => {
  const check = checker();
  const token = await issuer.token('42', MAIN);
  await check(token, issuer.identity);
  const elsewhere = { issuer: ISSUER, jwksUrl: other.identity.jwksUrl };
  await expect(check(token, elsewhere)).rejects.toThrow('signature is wrong');
});

it('asks nobody inside the network whom the operator did not name', async () => {
  const before = issuer.asked();
  const refused = await checker([])(await issuer.token('42', MAIN), issuer.identity).catch((error) => error);
  expect(refused).toMatchObject({
    name: 'JobTokenUnverifiable',
    message: expect.stringContaining('must be https unless'),
  });
  expect(issuer.asked()).toBe(before);
});

test('without its keys nothing is known of a token', async () => {
  const gone = await startJobIssuer();
  gone.stop();
  await expect(checker()(await gone.token('42', MAIN), gone.identity)).rejects.toMatchObject({
    name: 'JobTokenUnverifiable',
  });
});
