import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterAll, expect, test } from 'vitest';
import { createKubeClient } from '../../../src/kube/client.ts';
import type { ReviewedToken } from '../../../src/kube/reviews.ts';
import { createManagers } from '../../../src/runtime/management/managers.ts';
import { Remembered } from '../../../src/runtime/management/remembered.ts';
import { isMeantForUs, userOfReview } from '../../../src/runtime/management/reviewed_token.ts';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenFor = (aud: unknown) => `${part({ alg: 'RS256' })}.${part({ aud })}.signature`;

test.each<[string, boolean, string]>([
  ['ours alone', true, tokenFor('harrier-management')],
  ['ours beside another', true, tokenFor(['x', 'harrier-management'])],
  ['a runner', false, tokenFor(['harrier'])],
  ['the apiserver', false, tokenFor('https://kubernetes.default.svc')],
  ['nobody', false, tokenFor(undefined)],
  ['a longer name', false, tokenFor('harrier-management-x')],
  ['a number', false, tokenFor(1)],
  ['a registration', false, 'hrt_MDEyMzQ1Njc4OWFiY2RlZg'],
  ['nothing that can be read', false, 'a.b.c'],
  ['nothing', false, ''],
])('a token for %s is sent on: %s', (_what, meant, token) => {
  expect(isMeantForUs(token)).toBe(meant);
});

const KNOWN: ReviewedToken = {
  authenticated: true,
  user: { username: 'someone' },
  audiences: ['harrier-management'],
};

test.each<[string, Partial<ReviewedToken>]>([
  ['does not know', { authenticated: false }],
  ['knows by an authenticator that ignores audiences', { audiences: [] }],
  ['knows for another audience', { audiences: ['https://kubernetes.default.svc'] }],
  ['could not check', { error: 'webhook down' }],
  ['gives no name', { user: { username: '' } }],
  ['gives no user', { user: undefined }],
])('whom Kubernetes %s is nobody', (_what, word) => {
  expect(userOfReview(KNOWN)).toEqual({ username: 'someone' });
  expect(userOfReview({ ...KNOWN, ...word })).toBeUndefined();
});

const kubeConfig = new KubeConfig();
kubeConfig.loadFromClusterAndUser(
  // The discard port, where nobody listens.
  { name: 'gone', server: 'http://127.0.0.1:9', skipTLSVerify: false },
  { name: 'nobody' },
);
const client = createKubeClient({ kubeConfig });
afterAll(() => client.close());

test('while Kubernetes does not answer nobody is let in', async () => {
  const managers = createManagers({ client, namespaces: ['ci'], now: Date.now });
  const refused = managers.identify(tokenFor('harrier-management'));
  await expect(refused).rejects.toMatchObject({ code: 'unavailable', headers: { 'retry-after': '2' } });
});

test('an answer is kept for its time from the question on, and serves all who ask meanwhile', async () => {
  const clock = { now: 0 };
  let asked = 0;
  const kept = new Remembered<number>({ forMs: 5_000, most: 10, now: () => clock.now });
  const ask = () => kept.get('key', async () => ++asked);
  expect(await Promise.all(Array.from({ length: 50 }, ask))).toEqual(Array(50).fill(1));
  clock.now = 4_999;
  expect(await ask()).toBe(1);
  clock.now = 5_000;
  expect(await ask()).toBe(2);
});

test('a failure is not kept, and no more than so many answers are', async () => {
  const kept = new Remembered<string>({ forMs: 5_000, most: 2, now: () => 0 });
  await expect(kept.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await kept.get('a', async () => 'first')).toBe('first');
  await kept.get('b', async () => 'b');
  await kept.get('c', async () => 'c');
  expect(await kept.get('a', async () => 'anew')).toBe('anew');
  expect(await kept.get('c', async () => 'anew')).toBe('c');
});
