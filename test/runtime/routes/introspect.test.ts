import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IntrospectionClients } from '../../../src/runtime/introspection/clients.ts';
import { introspectRoutes } from '../../../src/runtime/routes/introspect.ts';
import { issueToken } from '../../../src/tokens/issue.ts';
import { makeSigningKey } from '../../../src/tokens/keys.ts';
import { AUDIENCE, aPool, aToken, ISSUER, NOW } from '../../tokens/builders.ts';
import { anApi, type TestApi } from '../builders.ts';

const PER_SECOND = 20;
const audiences = [AUDIENCE, 'gate'];
let api: TestApi;
let clients: IntrospectionClients | undefined;
beforeEach(async () => {
  clients = { gate: hash('sha256', 'secret', 'hex'), other: hash('sha256', 'secret', 'hex') };
  api = await anApi({
    routes: ({ verifier, live }) => [
      introspectRoutes({
        get clients() {
          return clients;
        },
        verifier,
        live,
        perSecond: PER_SECOND,
      }),
    ],
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await api.app.close();
});

const basic = (id: string, secret = 'secret') => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
const form = 'application/x-www-form-urlencoded';

function ask(token: string, { authorization = basic('gate'), type = form, remoteAddress = '10.0.0.1' } = {}) {
  return api.app.inject({
    method: 'POST',
    url: '/v1/introspect',
    remoteAddress,
    headers: { authorization, 'content-type': type },
    payload:
      type === form ? new URLSearchParams({ token, token_type_hint: 'refresh_token' }).toString() : token,
  });
}

describe('a client', () => {
  test('learns everything of a live token that is meant for it', async () => {
    const { jwt, token } = await api.runner(aToken('a', { audiences }));
    const answer = await ask(jwt);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const iat = NOW.getTime() / 1000;
    expect(answer.json()).toEqual({
      active: true,
      iss: ISSUER,
      sub: 'runner:ci/linux/a',
      aud: audiences,
      client_id: 'ci/linux',
      jti: token.metadata.uid,
      ...{ iat, nbf: iat, exp: iat + 3600 },
      scope: 'runner cache:read:default cache:write:default',
      token_type: 'Bearer',
      runner_state: 'Idle',
    });
  });

  test('learns nothing of any other token', async () => {
    const { jwt, token } = await api.runner(aToken('a', { audiences }));
    const notForIt = (await api.runner(aToken('b'))).jwt;
    const issue = { pool: aPool(), issuer: ISSUER, audience: AUDIENCE, now: NOW, key: api.key };
    const ended = aToken('c', { audiences });
    ended.status = {
      ...ended.status,
      phase: 'Active',
      conditions: [],
      runner: { state: 'Terminated', since: '' },
    };
    const { jwt: agentless } = await api.runner(ended);
    const agent = await issueToken({ ...issue, token: { ...token, spec: { ...token.spec, agent: true } } });
    const stranger = await issueToken({ ...issue, token, key: await makeSigningKey(NOW) });
    const expired = await issueToken({ ...issue, token, now: new Date(NOW.getTime() - 7_200_000) });
    for (const [what, one] of Object.entries({
      notForIt,
      terminated: agentless,
      agent: agent.agentJwt ?? '',
      stranger: stranger.jwt,
      expired: expired.jwt,
      registration: 'hrt_Yzoxsomething.0w0rpsm6v',
      garbage: 'a.b.c',
      long: 'x'.repeat(9000),
      edited: `${jwt.slice(0, -8)}AAAAAAAA`,
    }))
      expect([what, (await ask(one)).body]).toEqual([what, '{"active":false}']);

    expect((await ask(jwt)).json().active).toBe(true);
    expect((await ask(jwt, { authorization: basic('other') })).body).toBe('{"active":false}');
    for (const pod of api.pods.store.list()) api.pods.store.delete(pod);
    expect((await ask(jwt)).body).toBe('{"active":false}');
    expect(api.logged()).toContain('"refusal":"dead-pod"');
    for (const one of [jwt, notForIt, expired.jwt]) expect(api.logged()).not.toContain(one.slice(-40));
  });
});

test('nobody else learns anything', async () => {
  const { jwt, authorization } = await api.runner(aToken('a', { audiences }));
  for (const wrong of ['', 'Basic', authorization, basic('gate', 'Secret'), basic('nobody'), 'Basic !!!']) {
    const answer = await ask(jwt, { authorization: wrong });
    expect([wrong.slice(0, 20), answer.statusCode]).toEqual([wrong.slice(0, 20), 401]);
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="harrier"/);
    expect(answer.json().code).toBe('unauthorized');
  }
  clients = undefined;
  expect((await ask(jwt)).statusCode).toBe(401);
});

test('the token comes as a form, once', async () => {
  const { jwt } = await api.runner(aToken('a', { audiences }));
  expect((await ask(JSON.stringify({ token: jwt }), { type: 'application/json' })).statusCode).toBe(415);
  expect((await ask(jwt, { type: 'text/plain' })).statusCode).toBe(415);
  const headers = { authorization: basic('gate'), 'content-type': form };
  for (const payload of ['', 'token=', 'tok=x', `token=${jwt}&token=${jwt}`]) {
    const answer = await api.app.inject({ method: 'POST', url: '/v1/introspect', headers, payload });
    expect([payload.slice(0, 10), answer.statusCode]).toEqual([payload.slice(0, 10), 422]);
    expect(answer.body).not.toContain(jwt.slice(-40));
  }
  const url = `/v1/introspect?token=${jwt}`;
  expect((await api.app.inject({ method: 'POST', url, headers, payload: '' })).statusCode).toBe(422);
  expect((await api.app.inject({ method: 'GET', url, headers })).statusCode).toBe(405);
});

test('a client and an address ask only so often, and one does not use up another’s share', async () => {
  const { jwt } = await api.runner(aToken('a', { audiences }));
  // All in one second of the limit, however long they take.
  vi.useFakeTimers({ toFake: ['Date'] });
  const tooOften = async (authorization: string, address: (i: number) => string) => {
    const refused = [];
    for (let i = 0; i < PER_SECOND + 5; i++) {
      const answer = await ask(jwt, { authorization, remoteAddress: address(i) });
      if (answer.statusCode === 429) refused.push(answer);
    }
    return refused;
  };
  const byClient = await tooOften(basic('gate'), (i) => `10.0.1.${i}`);
  expect(byClient).toHaveLength(5);
  expect(byClient[0]?.headers['retry-after']).toBe('1');
  expect((await ask(jwt, { authorization: basic('other'), remoteAddress: '10.0.2.1' })).statusCode).toBe(200);
  expect(await tooOften(basic('nobody'), () => '10.0.3.1')).toHaveLength(5);
});
