import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Forge } from '../../../src/forges/forge.ts';
import type { ForgeError } from '../../../src/forges/forge_error.ts';
import { opened } from '../opened.ts';
import { type FakeGithub, startFakeGithub } from './fake_github.ts';

const REPOSITORY = { type: 'repository', name: 'acme/app' };
const TOKENS = /\/access_tokens$/;

let fake: FakeGithub;
let forge: Forge;
let skewMs = 0;

const at = (secret: Record<string, string>, scope: object = REPOSITORY) =>
  opened({ type: 'github', url: fake.url, scope }, secret);
const askedFor = (path: RegExp) => fake.asked.filter(({ url }) => path.test(url.pathname));
const failure = (call: Promise<unknown>): Promise<ForgeError> =>
  call.then(
    () => expect.unreachable('it succeeded'),
    (error) => error,
  );

beforeEach(async () => {
  skewMs = 0;
  fake = await startFakeGithub({
    repositories: ['acme/app', 'acme/web'],
    organizations: ['acme'],
    now: () => Date.now() + skewMs,
  });
  fake.app.installedOn.push('/orgs/acme');
  forge = at(fake.appSecret());
});
afterEach(async () => {
  await forge.close();
  await fake.close();
});

describe('an App', () => {
  test('gets one token for many calls, of the installation on the scope, and for its repository alone', async () => {
    await Promise.all([forge.list('a'), forge.list('b'), forge.queued(['linux'])]);
    await forge.list('c');
    const [asked, ...more] = askedFor(TOKENS);
    expect(more).toEqual([]);
    expect(asked?.body).toBe('{"repositories":["app"]}');
    expect(askedFor(/\/repos\/acme\/app\/installation$/)).toHaveLength(1);
  });

  test('of which the installation is named needs not to look for it', async () => {
    const named = at({ ...fake.appSecret(), installationId: fake.app.installationId });
    await named.list('');
    await named.close();
    expect(askedFor(/\/installation$/)).toEqual([]);
  });

  test('has a token for a whole organization', async () => {
    const whole = at(fake.appSecret(), { type: 'organization', name: 'acme' });
    await whole.join({ name: 'harrier-a', labels: ['linux'] });
    await whole.close();
    expect(askedFor(TOKENS)[0]?.body).toBe('{}');
  });

  test('renews its token before it ends', async () => {
    fake.app.tokenSeconds = 299;
    await forge.list('');
    await forge.list('');
    expect(askedFor(TOKENS)).toHaveLength(2);
  });

  test('whose token ended too early gets another one', async () => {
    await forge.list('');
    fake.answerNext({ status: 401, body: { message: 'Bad credentials' } });
    expect(await forge.list('')).toEqual([]);
    expect(askedFor(TOKENS)).toHaveLength(2);
  });

  test.each<[what: string, change: () => void, reason: string, message: RegExp]>([
    [
      'was deleted',
      () => {
        fake.app.revoked = true;
      },
      'Unauthorized',
      /find the installation.*answered 401.*one App that still exists/,
    ],
    [
      'is not installed there',
      () => {
        fake.app.installedOn.length = 0;
      },
      'NotFound',
      /answered 404.*install the App there/,
    ],
    [
      'was suspended',
      () => {
        fake.app.suspended = true;
      },
      'Forbidden',
      /get a token.*answered 403.*may be suspended/,
    ],
    [
      'lacks a permission',
      () => {
        fake.app.mayAdminister = false;
      },
      'Forbidden',
      /list the runners.*answered 403.*lack a permission/,
    ],
    [
      'is asked by a clock that is an hour behind',
      () => {
        skewMs = 3_600_000;
      },
      'Unauthorized',
      /compare the clocks/,
    ],
  ])('that %s is told as such', async (_, change, reason, message) => {
    change();
    const error = await failure(forge.list(''));
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('ghs_');
    expect(error.message).not.toContain('PRIVATE KEY');
  });

  test('that was deleted later is told too, by few requests', async () => {
    await forge.list('');
    fake.app.revoked = true;
    const before = fake.asked.length;
    for (let index = 0; index < 50; index++)
      expect((await failure(forge.list(''))).reason).toBe('Unauthorized');
    expect(fake.asked.length - before).toBeLessThan(10);
  });

  test('with the key of another is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const other = at({ ...fake.appSecret(), privateKey });
    expect((await failure(other.list(''))).reason).toBe('Unauthorized');
    await other.close();
  });
});

test.each<[what: string, secret: Record<string, string>, message: RegExp]>([
  ['nothing', {}, /must have the keys appId and privateKey.*or the key token/],
  ['an App without its key', { appId: '1' }, /must have the keys appId and privateKey/],
  ['an empty token', { token: ' \n' }, /or the key token/],
  ['a token of two lines', { token: 'ghp_one\nghp_two' }, /or the key token/],
  ['no key', { appId: '1', privateKey: 'SECRET-TEXT' }, /no RSA key in PEM/],
  ['no id', { appId: 'https://github.com/apps/x', privateKey: 'k' }, /no id of a GitHub App/],
])('a Secret with %s is told before anything is asked', async (_, secret, message) => {
  let error: unknown;
  try {
    at(secret);
  } catch (thrown) {
    error = thrown;
  }
  expect((error as ForgeError).reason).toBe('CredentialsInvalid');
  expect((error as ForgeError).message).toMatch(message);
  expect((error as ForgeError).message).not.toContain('SECRET-TEXT');
  expect(fake.asked).toEqual([]);
});
