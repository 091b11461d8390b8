import { afterEach, beforeEach, expect, test } from 'vitest';
import { WHILE_ALIVE } from '../../src/runtime/served_states.ts';
import { HARRIER_CLAIM } from '../../src/tokens/claims.ts';
import { issueToken } from '../../src/tokens/issue.ts';
import { makeSigningKey } from '../../src/tokens/keys.ts';
import { TokenRefused } from '../../src/tokens/refusal.ts';
import { AUDIENCE, aPool, aToken, ISSUER, NOW } from '../tokens/builders.ts';
import { anApi, aPod, type TestApi } from './builders.ts';

let api: TestApi;
beforeEach(async () => {
  api = await withRoutes();
});
afterEach(() => api.app.close());

function withRoutes(options: Parameters<typeof anApi>[0] = {}): Promise<TestApi> {
  return anApi({
    routes: () => [
      async (app) => {
        app.get('/who', { config: { states: WHILE_ALIVE } }, (request) => ({
          sub: request.identity.claims.sub,
        }));
        app.get('/open', { config: { access: 'public' } }, () => ({ open: true }));
        app.get('/open-and-asks', { config: { access: 'public' } }, (request) => request.identity);
      },
    ],
    ...options,
  });
}
const who = (authorization?: string) =>
  api.app.inject({ url: '/who', headers: authorization === undefined ? {} : { authorization } });

test('gives the route who asks', async () => {
  const { authorization } = await api.runner();
  const first = await who(authorization);
  expect(first.statusCode).toBe(200);
  expect(first.json()).toEqual({ sub: 'runner:ci/linux/linux-0-abcde' });
  // The second time by the remembered signature.
  expect((await who(authorization)).statusCode).toBe(200);
});

test('takes the scheme in any case, and nothing but a bearer', async () => {
  const { jwt } = await api.runner();
  expect((await who(`bearer ${jwt}`)).statusCode).toBe(200);
  for (const header of [
    jwt,
    `Basic ${jwt}`,
    'Bearer',
    'Bearer ',
    `Bearer ${jwt} x`,
    `Bearer ${jwt},${jwt}`,
  ]) {
    expect((await who(header)).statusCode, header.slice(0, 12)).toBe(401);
  }
});

test('answers a missing token with a bare challenge and a bad one with invalid_token (RFC 6750)', async () => {
  const missing = await who();
  expect(missing.statusCode).toBe(401);
  expect(missing.headers['www-authenticate']).toBe('Bearer realm="harrier"');
  expect(missing.headers['content-type']).toBe('application/problem+json');
  const bad = await who('Bearer x.y.z');
  expect(bad.statusCode).toBe(401);
  expect(bad.headers['www-authenticate']).toBe('Bearer realm="harrier", error="invalid_token"');
  expect(bad.json()).toMatchObject({ code: 'unauthorized', status: 401 });
  expect(await api.refused('missing')).toBe(1);
  expect(await api.refused('malformed')).toBe(1);
});

test('is closed where a route says nothing, and open only where it says so', async () => {
  expect((await who()).statusCode).toBe(401);
  expect((await api.app.inject('/open')).statusCode).toBe(200);
  expect((await api.app.inject({ url: '/open', headers: { authorization: 'Bearer x' } })).statusCode).toBe(
    200,
  );
});

test('a public route has no identity to lean on', async () => {
  const { authorization } = await api.runner();
  const answer = await api.app.inject({ url: '/open-and-asks', headers: { authorization } });
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain('identity');
});

type Change = (made: Awaited<ReturnType<TestApi['runner']>>) => void;
const dead: [string, string, Change][] = [
  ['whose RunnerToken is gone', 'unknown-token', ({ token }) => api.tokens.store.delete(token)],
  ['whose RunnerToken is Revoked', 'revoked-token', ({ token }) => set(token, { phase: 'Revoked' })],
  ['whose RunnerToken is Expired', 'revoked-token', ({ token }) => set(token, { phase: 'Expired' })],
  ['whose RunnerToken is Pending', 'revoked-token', ({ token }) => set(token, { phase: 'Pending' })],
  ['whose RunnerToken has no status', 'revoked-token', ({ token }) => set(token, undefined)],
  [
    'whose RunnerToken is being deleted',
    'revoked-token',
    ({ token }) => api.tokens.store.set(newer(token, { metadata: { deletionTimestamp: 'now' } })),
  ],
  [
    'whose RunnerToken speaks for a later attempt',
    'old-attempt',
    ({ token }) => api.tokens.store.set(newer(token, { spec: { attempt: 2 } })),
  ],
  [
    'whose RunnerToken speaks for another pod',
    'dead-pod',
    ({ token }) => api.tokens.store.set(newer(token, { spec: { podRef: { name: 'x', uid: 'x' } } })),
  ],
  ['whose pod is gone', 'dead-pod', ({ token }) => api.pods.store.delete(aPod(token))],
  ['whose pod succeeded', 'dead-pod', ({ token }) => pod(token, {}, 'Succeeded')],
  ['whose pod failed', 'dead-pod', ({ token }) => pod(token, {}, 'Failed')],
  ['whose pod is being deleted', 'dead-pod', ({ token }) => pod(token, { deletionTimestamp: 'now' })],
  [
    'whose pod was made again under its name',
    'dead-pod',
    ({ token }) => {
      api.pods.store.delete(aPod(token));
      pod(token, { uid: 'another' });
    },
  ],
];
function newer(
  token: ReturnType<typeof aToken>,
  change: { metadata?: object; spec?: object; status?: object },
) {
  return {
    ...token,
    metadata: { ...token.metadata, resourceVersion: '2', ...change.metadata },
    spec: { ...token.spec, ...change.spec },
  } as typeof token;
}
function set(token: ReturnType<typeof aToken>, status: object | undefined) {
  api.tokens.store.set({ ...newer(token, {}), status } as typeof token);
}
function pod(token: ReturnType<typeof aToken>, change: object, phase?: string) {
  api.pods.store.set(aPod(token, { resourceVersion: '2', ...change }, phase));
}

test.each(dead)('refuses a runner %s, from that moment on', async (_what, refusal, change) => {
  const made = await api.runner();
  expect((await who(made.authorization)).statusCode).toBe(200);
  change(made);
  expect((await who(made.authorization)).statusCode).toBe(401);
  expect(await api.refused(refusal)).toBe(1);
  expect(api.logged()).toContain(`"refusal":"${refusal}"`);
});

test('refuses a genuine token of a namespace that is not watched', async () => {
  const token = aToken();
  const elsewhere = { ...token, metadata: { ...token.metadata, namespace: 'elsewhere' } };
  const { authorization } = await api.runner(elsewhere);
  expect((await who(authorization)).statusCode).toBe(401);
  expect(await api.refused('unknown-token')).toBe(1);
});

test("refuses one pod's token for another pod's RunnerToken", async () => {
  const [a, b] = [aToken('a'), aToken('b')];
  await api.runner(a);
  await api.runner(b);
  // Signed by us, but with b's jti and a's pod: as if a claim had been mixed up when it was issued.
  const mixed = { ...a, metadata: { ...a.metadata, uid: b.metadata.uid } };
  const { jwt } = await issueToken({
    token: mixed,
    pool: aPool(),
    issuer: ISSUER,
    audience: AUDIENCE,
    key: api.key,
    now: NOW,
  });
  expect((await who(`Bearer ${jwt}`)).statusCode).toBe(401);
  expect(await api.refused('dead-pod')).toBe(1);
});

test('refuses a token of another key and says which in the log', async () => {
  const token = aToken();
  await api.runner(token);
  const key = await makeSigningKey(NOW);
  const { jwt } = await issueToken({
    token,
    pool: aPool(),
    issuer: ISSUER,
    audience: AUDIENCE,
    key,
    now: NOW,
  });
  expect((await who(`Bearer ${jwt}`)).statusCode).toBe(401);
  expect(await api.refused('unknown-key')).toBe(1);
});

test.each(['tokens', 'pods'] as const)('asks the apiserver when the watch of %s is broken', async (which) => {
  const asked: string[] = [];
  await api.app.close();
  api = await withRoutes({
    ask: async (claims, name) => {
      asked.push(name);
      if (asked.length > 1) throw new TokenRefused('dead-pod');
      return { ...aToken(), metadata: { ...aToken().metadata, uid: claims.jti } };
    },
  });
  const { authorization } = await api.runner();
  expect((await who(authorization)).statusCode).toBe(200);
  expect(asked).toEqual([]);
  api[which].connected = false;
  expect((await who(authorization)).statusCode).toBe(200);
  expect((await who(authorization)).statusCode).toBe(401);
  expect(asked).toEqual(['linux-0-abcde', 'linux-0-abcde']);
});

test('believes no informer of an apiserver that has not been heard of', async () => {
  let heard = true;
  await api.app.close();
  api = await withRoutes({ heard: () => heard });
  const { authorization } = await api.runner();
  expect((await who(authorization)).statusCode).toBe(200);
  heard = false;
  expect((await who(authorization)).statusCode).toBe(401);
  expect(await api.refused('unverifiable')).toBe(1);
});

test('an error while checking is a refusal', async () => {
  await api.app.close();
  api = await withRoutes({
    heard: () => {
      throw new Error('a bug');
    },
  });
  const { authorization } = await api.runner();
  expect((await who(authorization)).statusCode).toBe(401);
  expect(await api.refused('unverifiable')).toBe(1);
});

test('no token, nor a part of one, is ever in a log, an answer or a metric', async () => {
  const { jwt, token, authorization } = await api.runner();
  const answers = [
    await who(authorization),
    await who(`${authorization}x`),
    await who(`Bearer ${jwt.slice(9)}`),
  ];
  api.tokens.store.delete(token);
  answers.push(await who(authorization));
  expect(answers.map((one) => one.statusCode)).toEqual([200, 401, 401, 401]);
  const said = [api.logged(), await api.metrics.registry.metrics(), ...answers.map((one) => one.body)].join(
    '\n',
  );
  for (const piece of jwt.split('.')) {
    for (let at = 0; at + 24 <= piece.length; at += 12) expect(said).not.toContain(piece.slice(at, at + 24));
  }
  expect(said).not.toContain(token.metadata.uid);
  expect(HARRIER_CLAIM in (answers[0]?.json() ?? {})).toBe(false);
});
