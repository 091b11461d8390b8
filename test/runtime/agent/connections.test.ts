import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import { verificationKeys } from '../../../src/tokens/jwks.ts';
import { TokenRefused } from '../../../src/tokens/refusal.ts';
import { AUDIENCE, aToken } from '../../tokens/builders.ts';
import { aPod } from '../builders.ts';
import { type AgentApi, later, nextVersion, startAgentApi } from './agent_api.ts';
import { connectAgent } from './agent_client.ts';

let api: AgentApi;
let url: string;
beforeEach(() => start());
afterEach(() => api.stop());

async function start(options: Parameters<typeof startAgentApi>[0] = {}): Promise<void> {
  api = await startAgentApi(options);
  url = api.url;
}

/** All that the api sends on a socket that asks for an upgrade, until it closes it. */
function rawUpgrade(path: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.once('close', () => resolve(text));
    socket.once('error', reject);
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: api\r\nauthorization: Bearer ${token}\r\nconnection: Upgrade\r\n` +
        `upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
  });
}

describe('the upgrade', () => {
  test('is refused by HTTP, as a request is', async () => {
    const { jwt, agentJwt, uid } = await api.aRunner();
    await expect(connectAgent(url, '')).rejects.toMatchObject({ status: 401, code: 'unauthorized' });
    await expect(connectAgent(url, jwt)).rejects.toMatchObject({ status: 401 });
    expect((await fetch(`${url}/v1/agent`)).status).toBe(401);
    const authorization = `Bearer ${agentJwt}`;
    const plain = await fetch(`${url}/v1/agent`, { headers: { authorization } });
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    api.tokens.store.set(
      later(api.current(uid), { status: { runner: { state: 'Terminated', since: 'x' } } }),
    );
    await expect(connectAgent(url, agentJwt)).rejects.toMatchObject({ status: 409, code: 'wrong-state' });
    expect(api.agents.count).toBe(0);
  });

  test('with an agent token opens nothing else, as HTTP or as WebSocket', async () => {
    const { agentJwt, jwt } = await api.aRunner();
    const asked = async (token: string, more = {}) =>
      (await api.app.inject({ url: '/v1/runner', headers: { authorization: `Bearer ${token}`, ...more } }))
        .statusCode;
    expect(await asked(jwt)).toBe(200);
    expect(await asked(agentJwt)).toBe(401);
    expect(await rawUpgrade('/v1/runner', agentJwt)).toMatch(/^HTTP\/1.1 401 /);
  });

  test('leaves no socket open behind, wherever it was asked for', async () => {
    const { jwt } = await api.aRunner();
    // Each resolves only when the api has closed the socket.
    expect(await rawUpgrade('/v1/agent', 'x')).toMatch(/^HTTP\/1.1 401 /);
    expect(await rawUpgrade('/nowhere', jwt)).toMatch(/^HTTP\/1.1 404 /);
    expect(await rawUpgrade('/v1/runner', jwt)).toMatch(/^HTTP\/1.1 /);
  });

  test('is closed to a runner token that has the agents’ audience among its own', async () => {
    const { jwt } = await api.aRunner('greedy', { audiences: [AUDIENCE, 'harrier-agent'] });
    await expect(connectAgent(url, jwt)).rejects.toMatchObject({ status: 401 });
  });
});

describe('a connection', () => {
  test('begins with what the api knows, and stores and acknowledges each report', async () => {
    const { agentJwt, uid, token } = await api.aRunner();
    const agent = await connectAgent(url, agentJwt);
    expect(await agent.next('hello')).toMatchObject({
      runner: { name: token.metadata.name },
      namespace: 'ci',
      pool: 'linux',
      attempt: 1,
    });
    agent.say({ type: 'online', id: 'a', ready: false });
    expect(await agent.next('ack')).toMatchObject({ id: 'a', report: { state: 'Installing' } });
    agent.say({ type: 'online', id: 'b', ready: true });
    agent.say({ type: 'job-started', id: 'c', message: 'build 7' });
    expect(await agent.next('ack')).toMatchObject({ id: 'b', report: { state: 'Idle' } });
    expect(await agent.next('ack')).toMatchObject({ id: 'c', report: { state: 'Busy', message: 'build 7' } });
    expect(api.current(uid).status?.runner?.state).toBe('Busy');
    agent.say({ type: 'job-finished', id: 'd', exitCode: 3 });
    expect(await agent.next('ack')).toMatchObject({
      id: 'd',
      report: { state: 'Terminated', message: 'exit code 3' },
    });
    expect(await agent.closed).toMatchObject({ code: 1000, reason: 'ended' });
    await expect.poll(() => api.agents.count).toBe(0);
    await expect(connectAgent(url, agentJwt)).rejects.toMatchObject({ status: 409, code: 'wrong-state' });
  });

  test('outlives what it says wrongly, and is told what was wrong', async () => {
    const { agentJwt } = await api.aRunner();
    const agent = await connectAgent(url, agentJwt);
    agent.say({ type: 'job-started', id: 'a' });
    await agent.next('ack');
    for (const [message, error] of [
      [
        { type: 'online', id: 'b', ready: true },
        { id: 'b', problem: { code: 'illegal-transition', status: 409 } },
      ],
      ['{', { problem: { code: 'bad-request' } }],
      [
        { type: 'online', id: 'c' },
        { id: 'c', problem: { code: 'unprocessable-content', errors: [{ path: '/ready' }] } },
      ],
      [
        { type: 'unheard-of', id: 'd' },
        { id: 'd', problem: { status: 422 } },
      ],
      ['null', { problem: { status: 422 } }],
    ] as const) {
      agent.say(message);
      expect(await agent.next('error')).toMatchObject(error);
    }
    agent.say({ type: 'job-started', id: 'e' });
    expect(await agent.next('ack')).toMatchObject({ id: 'e' });
  });

  test('is one a runner: the newer takes its place', async () => {
    const { agentJwt } = await api.aRunner();
    const first = await connectAgent(url, agentJwt);
    const second = await connectAgent(url, agentJwt);
    expect(await first.closed).toMatchObject({ code: 4003, reason: 'replaced' });
    second.say({ type: 'online', id: 'a', ready: true });
    await second.next('ack');
    expect(api.agents.count).toBe(1);
  });

  test('is bounded: large messages, floods, binary frames', async () => {
    const runners = await Promise.all(['large', 'flood', 'binary'].map((name) => api.aRunner(name)));
    const [large, flood, binary] = await Promise.all(
      runners.map(({ agentJwt }) => connectAgent(url, agentJwt)),
    );
    large?.say('x'.repeat(9 * 1024));
    expect(await large?.closed).toMatchObject({ code: 1009 });
    for (let index = 0; index < 300; index++) flood?.say({ type: 'online', id: `${index}`, ready: false });
    expect(await flood?.closed).toMatchObject({ code: 1008 });
    binary?.socket.send(Buffer.from('{}'));
    expect(await binary?.closed).toMatchObject({ code: 1008 });
  });

  test('says when a runner speaks too often, and goes on', async () => {
    const { agentJwt } = await api.aRunner();
    const agent = await connectAgent(url, agentJwt);
    for (let index = 0; index < 21; index++) {
      agent.say({ type: 'online', id: `${index}`, ready: false });
      await (index < 20 ? agent.next('ack') : agent.next('error'));
    }
    expect(agent.orders.at(-1)).toMatchObject({ problem: { status: 429 }, retryAfterSeconds: 10 });
  });

  test('whose peer is silent is found dead', async () => {
    await api.stop();
    await start({ times: { pingMs: 200, pongMs: 1_500 } });
    const { agentJwt } = await api.aRunner();
    const alive = await connectAgent(url, agentJwt);
    await sleep(2_500);
    expect(api.agents.count).toBe(1);
    // A paused socket answers no ping, as one whose machine is gone.
    alive.socket.pause();
    await expect.poll(() => api.agents.count).toBe(0);
  });
});

describe('a dead identity', () => {
  const PARENT = { name: 'parent', uid: 'uid-of-parent' };
  const aParent = () =>
    later(aToken('parent'), {
      metadata: { name: PARENT.name, uid: PARENT.uid },
      spec: { type: 'Registration', podRef: undefined, usage: 'Reusable' },
      status: { phase: 'Active' },
    });

  test.each<[string, string, (uid: string, token: RunnerToken) => void]>([
    [
      'a Revoked token',
      'revoked-token',
      (uid) => api.tokens.store.set(later(api.current(uid), { status: { phase: 'Revoked' } })),
    ],
    ['a deleted token', 'unknown-token', (uid) => api.tokens.store.delete(api.current(uid))],
    [
      'a deregistered runner',
      'revoked-token',
      (uid) => api.tokens.store.set(later(api.current(uid), { status: { endedAt: 'now' } })),
    ],
    [
      'a later attempt',
      'old-attempt',
      (uid) => api.tokens.store.set(later(api.current(uid), { status: { replacedBy: 'x' } })),
    ],
    ['a deleted pod', 'dead-pod', (_uid, token) => api.pods.store.delete(aPod(token))],
    [
      'a finished pod',
      'dead-pod',
      (_uid, token) => api.pods.store.set(aPod(token, { resourceVersion: '9' }, 'Succeeded')),
    ],
    [
      'an inactive parent',
      'revoked-parent',
      () => api.tokens.store.set(later(aParent(), { status: { phase: 'Inactive' } })),
    ],
    ['a deleted parent', 'revoked-parent', () => api.tokens.store.delete(aParent())],
  ])('%s is told to the runner at once, and ends its connection', async (_what, reason, end) => {
    // It is the event that tells, not a look at all connections, however slow the machine.
    await api.stop();
    await start({ times: { lookMs: 60_000 } });
    api.tokens.store.set(aParent());
    const { agentJwt, uid, token } = await api.aRunner('doomed', { parentRef: PARENT });
    const agent = await connectAgent(url, agentJwt);
    await agent.next('hello');
    const from = performance.now();
    end(uid, token);
    expect(await agent.next('revoke')).toMatchObject({ reason });
    expect(await agent.closed).toMatchObject({ code: 4001, reason: 'revoked' });
    expect((await agent.closed).at - from).toBeLessThan(10_000);
    await expect(connectAgent(url, agentJwt)).rejects.toMatchObject({ status: 401 });
  });

  test('by its JWT’s expiry is asked to come back with a fresh one', async () => {
    const { agentJwt } = await api.aRunner();
    const agent = await connectAgent(url, agentJwt);
    api.nowMs += 3601_000;
    expect(await agent.closed).toMatchObject({ code: 4002, reason: 'expired' });
    expect(agent.orders.map(({ type }) => type)).toEqual(['hello']);
  });

  test('by its key’s end is asked to come back, for the keys may', async () => {
    const { agentJwt } = await api.aRunner();
    const agent = await connectAgent(url, agentJwt);
    api.agents.useKeys();
    expect(api.agents.count).toBe(1);
    api.agentVerifier.useKeys(await verificationKeys({ keys: [] }));
    api.agents.useKeys();
    expect(await agent.closed).toMatchObject({ code: 1013 });
    expect(agent.orders.map(({ type }) => type)).toEqual(['hello']);
  });
});

describe('while a watch is broken', () => {
  test('the apiserver is asked, and who is not vouched for goes', async () => {
    await api.stop();
    const asked = new Map<string, number>();
    let deaf = false;
    await start({
      // One of them speaks in its time of doubt.
      times: { doubtMs: 4_000 },
      heard: () => !deaf,
      ask: async (claims) => {
        asked.set(claims.jti, (asked.get(claims.jti) ?? 0) + 1);
        if (claims.jti.endsWith('-gone')) throw new TokenRefused('dead-pod');
        if (claims.jti.endsWith('-lost')) throw new TokenRefused('unverifiable');
        return api.current(claims.jti);
      },
    });
    const [kept, gone, lost] = await Promise.all(
      ['kept', 'gone', 'lost'].map(async (name) => connectAgent(url, (await api.aRunner(name)).agentJwt)),
    );
    deaf = true;
    expect(await gone?.closed).toMatchObject({ code: 4001 });
    expect(await gone?.next('revoke')).toEqual({ type: 'revoke', reason: 'dead-pod' });
    // Whatever it says meanwhile is not taken.
    lost?.say({ type: 'online', id: 'a', ready: true });
    expect(await lost?.next('error')).toMatchObject({ id: 'a', problem: { code: 'unavailable' } });
    expect(await lost?.closed).toMatchObject({ code: 1013, reason: 'unverifiable' });
    kept?.say({ type: 'online', id: 'a', ready: true });
    await kept?.next('ack');
    expect(api.agents.count).toBe(1);
    expect(asked.size).toBe(3);
  });

  test('a hundred of them are all asked for, though not all at once', async () => {
    await api.stop();
    let deaf = false;
    let now = 0;
    let most = 0;
    const asked = new Set<string>();
    await start({
      heard: () => !deaf,
      ask: async ({ jti }) => {
        most = Math.max(most, ++now);
        asked.add(jti);
        await sleep(2);
        now--;
        return api.current(jti);
      },
    });
    const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
    await Promise.all(names.map(async (name) => connectAgent(url, (await api.aRunner(name)).agentJwt)));
    deaf = true;
    await expect.poll(() => asked.size).toBe(100);
    expect(most).toBeLessThanOrEqual(32);
    expect(api.agents.count).toBe(100);
  });
});

describe('drain', () => {
  const since = '2026-11-21T08:10:00.000Z';
  const deadline = '2026-11-21T09:10:00.000Z';

  test('is told at once, taken back at once, and told again to one that connects later', async () => {
    const { agentJwt, token } = await api.aRunner();
    const mark = (drain?: object) =>
      api.pods.store.set({
        ...aPod(token, { resourceVersion: nextVersion() }),
        ...(drain && { drain }),
      } as never);
    const agent = await connectAgent(url, agentJwt);
    expect(await agent.next('hello')).not.toHaveProperty('drain');
    mark({ since, deadline });
    expect(await agent.next('drain')).toEqual({ type: 'drain', since, deadline });
    // The same again is no news.
    mark({ since, deadline });
    const second = await connectAgent(url, agentJwt);
    expect(await second.next('hello')).toMatchObject({ drain: { since, deadline } });
    mark();
    expect(await second.next('resume')).toEqual({ type: 'resume' });
    expect(agent.orders.filter(({ type }) => type === 'drain')).toHaveLength(1);
  });
});

describe('a runner that registered', () => {
  test('needs no pod', async () => {
    const parent = { name: 'parent', uid: 'uid-of-parent' };
    api.tokens.store.set(
      later(aToken('parent'), {
        metadata: { name: 'parent', uid: parent.uid },
        spec: { type: 'Registration', podRef: undefined, usage: 'Reusable' },
      }),
    );
    const { agentJwt } = await api.aRunner('mac', {
      podRef: undefined,
      runner: { name: 'mac-1' },
      parentRef: parent,
    });
    const agent = await connectAgent(url, agentJwt);
    expect(await agent.next('hello')).toMatchObject({ runner: { name: 'mac-1' } });
    agent.say({ type: 'online', id: 'a', ready: true });
    expect(await agent.next('ack')).toMatchObject({ report: { state: 'Idle' } });
  });
});

test('a replica that ends tells its peers to come back, and ends in time', async () => {
  const { agentJwt } = await api.aRunner();
  const agent = await connectAgent(url, agentJwt);
  const from = performance.now();
  await api.stop();
  expect(await agent.closed).toMatchObject({ code: 1012, reason: 'restarting' });
  // A WebSocket whose peer does not close would be waited for longer.
  expect(performance.now() - from).toBeLessThan(10_000);
});
