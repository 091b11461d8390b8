import { afterEach, beforeEach, expect, test } from 'vitest';
import { healthRoutes } from '../../src/runtime/routes/health.ts';
import { runnerRoutes } from '../../src/runtime/routes/runner.ts';
import { wellKnownRoutes } from '../../src/runtime/routes/wellknown.ts';
import { publicKeySetOf, type SigningKey } from '../../src/tokens/keys.ts';
import { aToken, ISSUER } from '../tokens/builders.ts';
import { anApi, podOf, type TestApi } from './builders.ts';

let api: TestApi;
let keys: SigningKey[] = [];
const ready = { tokens: true, keys: true };
let cache: () => Promise<boolean> = async () => true;
beforeEach(async () => {
  keys = [];
  api = await anApi({
    routes: () => [
      healthRoutes({ tokens: () => ready.tokens, keys: async () => ready.keys }, { cache: () => cache() }),
      wellKnownRoutes(
        {
          get set() {
            return keys.length === 0 ? undefined : publicKeySetOf(keys);
          },
        },
        ISSUER,
      ),
      runnerRoutes(async (_token, said) => ({ ...said, since: '2026-11-21T08:00:00.000Z' })),
    ],
  });
});
afterEach(() => api.app.close());

test('tells a runner about itself, and nothing else', async () => {
  const token = aToken();
  token.status = {
    phase: 'Active',
    conditions: [],
    runner: { state: 'Idle', since: '2026-11-21T07:59:00Z', message: 'ready' },
  };
  const { authorization } = await api.runner(token);
  const answer = await api.app.inject({ url: '/v1/runner', headers: { authorization } });
  expect(answer.json()).toEqual({
    namespace: 'ci',
    pool: 'linux',
    runner: { id: 'uid-of-pod-linux-0-abcde', name: 'linux-0-abcde' },
    pod: { name: 'linux-0-abcde', uid: 'uid-of-pod-linux-0-abcde' },
    attempt: 1,
    forge: { type: 'none', scope: 'instance' },
    token: { id: 'uid-of-token-linux-0-abcde', expiresAt: '2026-11-21T09:00:00.000Z' },
    cache: { enabled: true, scopes: [{ name: 'default', permission: 'ReadWrite' }] },
    report: { state: 'Idle', since: '2026-11-21T07:59:00Z', message: 'ready' },
  });
});

test('of two runners each sees itself, whatever it asks for', async () => {
  const [a, b] = await Promise.all([api.runner(aToken('a')), api.runner(aToken('b'))]);
  for (const [mine, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const podRef = podOf(other.token);
    for (const url of [
      '/v1/runner',
      `/v1/runner?pod=${podRef.name}`,
      `/v1/runner?uid=${podRef.uid}&jti=${other.token.metadata.uid}`,
    ]) {
      const answer = await api.app.inject({
        url,
        headers: { authorization: mine.authorization, 'x-pod': podRef.name, 'x-forwarded-user': podRef.name },
      });
      expect(answer.json().pod).toEqual(mine.token.spec.podRef);
      expect(answer.body).not.toContain(podRef.uid);
    }
    const named = { authorization: mine.authorization };
    for (const url of [`/v1/runner/${podRef.name}`, `/v1/runners/${podRef.uid}`, '/v1/runners']) {
      expect((await api.app.inject({ url, headers: named })).statusCode).toBe(404);
    }
  }
});

test.each([
  ['a state that is none', { state: 'Sleeping' }, '/state'],
  ['no state', {}, '/state'],
  ['a message of 1025 characters', { state: 'Idle', message: 'x'.repeat(1025) }, '/message'],
  ["somebody else's pod", { state: 'Idle', pod: 'b' }, '/pod'],
])('refuses a report with %s, naming the field', async (_what, payload, path) => {
  const { authorization } = await api.runner();
  const answer = await api.app.inject({
    method: 'POST',
    url: '/v1/runner/status',
    headers: { authorization },
    payload,
  });
  expect(answer.statusCode).toBe(422);
  expect(answer.json().errors[0].path).toBe(path);
});

test('limits how often a runner may report, since each report is a write for all to bear', async () => {
  const { authorization } = await api.runner();
  const report = () =>
    api.app.inject({
      method: 'POST',
      url: '/v1/runner/status',
      headers: { authorization },
      payload: { state: 'Idle' },
    });
  const codes = [];
  for (let i = 0; i < 21; i++) codes.push((await report()).statusCode);
  expect(codes).toEqual([...Array(20).fill(200), 429]);
  // Reading is not writing.
  expect((await api.app.inject({ url: '/v1/runner', headers: { authorization } })).statusCode).toBe(200);
});

test('serves the public keys to anybody, and says so while there are none', async () => {
  expect((await api.app.inject('/.well-known/jwks.json')).statusCode).toBe(503);
  keys = [api.key];
  const answer = await api.app.inject('/.well-known/jwks.json');
  expect(answer.json()).toEqual(publicKeySetOf([api.key]));
  expect(answer.body).not.toContain(api.key.jwk.d);
  expect(answer.headers['cache-control']).toBe('public, max-age=60');
});

test('tells OpenID clients where the keys are', async () => {
  expect((await api.app.inject('/.well-known/openid-configuration')).json()).toMatchObject({
    issuer: ISSUER,
    jwks_uri: `${ISSUER}/.well-known/jwks.json`,
    id_token_signing_alg_values_supported: ['ES256'],
  });
});

test('is alive whatever it lacks, and ready when it lacks nothing', async () => {
  expect((await api.app.inject('/readyz')).json()).toEqual({
    status: 'ok',
    checks: { tokens: true, keys: true, cache: true },
  });
  ready.keys = false;
  const answer = await api.app.inject('/readyz');
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toEqual({ status: 'unready', checks: { tokens: true, keys: false, cache: true } });
  expect((await api.app.inject('/healthz')).statusCode).toBe(200);
  ready.keys = true;
});

test.each([
  ['fails', async () => false],
  ['does not answer', () => new Promise<boolean>(() => {})],
])('is ready, and says so, while the cache %s', async (_, check) => {
  cache = check;
  const answer = await api.app.inject('/readyz');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ status: 'ok', checks: { tokens: true, keys: true, cache: false } });
  cache = async () => true;
});

test('describes itself in OpenAPI: every route, its schemas, and which ask for a token', async () => {
  const document = (await api.app.inject('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/v1/runner', '/v1/runner/status', '/.well-known/jwks.json', '/healthz']),
  );
  expect(document.paths['/v1/runner'].get.security).toEqual([{ runner: [] }]);
  expect(document.paths['/healthz'].get.security).toBeUndefined();
  const body = document.paths['/v1/runner/status'].post.requestBody.content['application/json'].schema;
  expect(body.properties.state.enum).toEqual(['Installing', 'Idle', 'Busy', 'Terminated']);
});
