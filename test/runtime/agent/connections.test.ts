import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunnerToken } from '../../../src/resources/runner_token.ts';
import { type AgentConnections, createAgentConnections } from '../../../src/runtime/agent/connections.ts';
import { problem } from '../../../src/runtime/problem.ts';
import { agentRoutes } from '../../../src/runtime/routes/agent.ts';
import { runnerRoutes } from '../../../src/runtime/routes/runner.ts';
import type { StoreReport } from '../../../src/runtime/store_report.ts';
import { nextReport } from '../../../src/runtime/transition.ts';
import { issueToken } from '../../../src/tokens/issue.ts';
import { verificationKeys } from '../../../src/tokens/jwks.ts';
import { TokenRefused } from '../../../src/tokens/refusal.ts';
import { AUDIENCE, aPool, aToken, ISSUER, NOW } from '../../tokens/builders.ts';
import { anApi, aPod, type TestApi, type TestApiOptions } from '../builders.ts';
import { connectAgent } from './agent_client.ts';

let api: TestApi;
let agents: AgentConnections;
let url: string;
/** What the api's wall clock says. */
let nowMs: number;
beforeEach(async () => {
  nowMs = NOW.getTime();
  await start();
});
afterEach(() => stop());

async function start(options: TestApiOptions = {}): Promise<void> {
  api = await anApi({
    ask: async ({ jti }) => current(jti),
    ...options,
    routes: ({ tokens, pods, agentVerifier, live, log }) => {
      const storeReport: StoreReport = async (token, said) => {
        const held = tokens.store.byUid(token.metadata.uid) ?? token;
        const report = nextReport(held.status?.runner, said, new Date(nowMs));
        if (report === undefined) throw problem('illegal-transition', `not to ${said.state}`);
        tokens.store.set(later(held, { status: { ...held.status, runner: report } }));
        return report;
      };
      agents = createAgentConnections({
        verifier: agentVerifier,
        live,
        tokens,
        pods,
        storeReport,
        onRefusal: () => undefined,
        log,
        now: () => nowMs,
        times: { lookMs: 20, pingMs: 200, pongMs: 100 },
      });
      return [agentRoutes(agents), runnerRoutes(storeReport)];
    },
  });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
}

async function stop(): Promise<void> {
  agents.close();
  await api.app.close();
}

let version = 1;
function later(
  token: RunnerToken,
  change: { metadata?: object; spec?: object; status?: object },
): RunnerToken {
  return {
    ...token,
    metadata: { ...token.metadata, resourceVersion: String(++version), ...change.metadata },
    spec: { ...token.spec, ...change.spec },
    status: { ...token.status, ...change.status } as RunnerToken['status'],
  };
}

/** A runner in agent mode that has said nothing yet, and both of its tokens. */
async function aRunner(name = 'linux-0-abcde', spec: Partial<RunnerToken['spec']> = {}) {
  const known = aToken(name, { agent: true, ...spec });
  const token: RunnerToken = { ...known, status: { phase: 'Active', conditions: [] } };
  if (spec.podRef === undefined && 'podRef' in spec) delete (token.spec as { podRef?: unknown }).podRef;
  api.tokens.store.set(token);
  if (token.spec.podRef !== undefined) api.pods.store.set(aPod(token));
  const issued = await issueToken({
    token: known,
    pool: aPool(),
    issuer: ISSUER,
    audience: AUDIENCE,
    key: api.key,
    now: NOW,
  });
  return { token, jwt: issued.jwt, agentJwt: issued.agentJwt ?? '', uid: token.metadata.uid };
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
const current = (uid: string) => api.tokens.store.byUid(uid) as RunnerToken;

describe('the upgrade', () => {
  test('is refused by HTTP, as a request is', async () => {
    const { jwt, agentJwt, uid } = await aRunner();
    await expect(connectAgent(url, '')).rejects.toMatchObject({ status: 401, code: 'unauthorized' });
    await expect(connectAgent(url, jwt)).rejects.toMatchObject({ status: 401 });
    expect((await fetch(`${url}/v1/agent`)).status).toBe(401);
    const authorization = `Bearer ${agentJwt}`;
    const plain = await fetch(`${url}/v1/agent`, { headers: { authorization } });
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    api.tokens.store.set(later(current(uid), { status: { runner: { state: 'Terminated', since: 'x' } } }));
    await expect(connectAgent(url, agentJwt)).rejects.toMatchObject({ status: 409, code: 'wrong-state' });
    expect(agents.count).toBe(0);
  });

  test('with an agent token opens nothing else, as HTTP or as WebSocket', async () => {
    const { agentJwt, jwt } = await aRunner();
    const asked = async (token: string, more = {}) =>
      (await api.app.inject({ url: '/v1/runner', headers: { authorization: `Bearer ${token}`, ...more } }))
        .statusCode;
    expect(await asked(jwt)).toBe(200);
    expect(await asked(agentJwt)).toBe(401);
    expect(await rawUpgrade('/v1/runner', agentJwt)).toMatch(/^HTTP\/1.1 401 /);
  });

  test('leaves no socket open behind, wherever it was asked for', async () => {
    const { jwt } = await aRunner();
    // Each resolves only when the api has closed the socket.
    expect(await rawUpgrade('/v1/agent', 'x')).toMatch(/^HTTP\/1.1 401 /);
    expect(await rawUpgrade('/nowhere', jwt)).toMatch(/^HTTP\/1.1 404 /);
    expect(await rawUpgrade('/v1/runner', jwt)).toMatch(/^HTTP\/1.1 /);
  });

  test('is closed to a runner token that has the agents’ audience among its own', async () => {
    const { jwt } = await aRunner('greedy', { audiences: [AUDIENCE, 'harrier-agent'] });
    await expect(connectAgent(url, jwt)).rejects.toMatchObject({ status: 401 });
  });
});

describe('a connection', () => {
  test('begins with what the api knows, and stores and acknowledges each report', async () => {
    const { agentJwt, uid, token } = await aRunner();
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
    expect(current(uid).status?.runner?.state).toBe('Busy');
    agent.say({ type: 'job-finished', id: 'd', exitCode: 3 });
    expect(await agent.next('ack')).toMatchObject({
      id: 'd',
      report: { state: 'Terminated', message: 'exit code 3' },
    });
    expect(await agent.closed).toMatchObject({ code: 1000, reason: 'ended' });
    await expect.poll(() => agents.count).toBe(0);
    await expect(connectAgent(url, agentJwt)).rejects.toMatchObject({ status: 409, code: 'wrong-state' });
  });

  test('outlives what it says wrongly, and is told what was wrong', async () => {
    const { agentJwt } = await aRunner();
    const agent = await connectAgent(url, agentJwt);
    agent.say({ type: 'job-started', id: 'a' });
    await agent.next('ack');
    for (const [message, error] of [
      [
        { type: 'online', id: 'b', ready: true },
        { id: 'b', code: 'illegal-transition' },
      ],
      ['{', { code: 'bad-request' }],
      [
        { type: 'online', id: 'c' },
        { id: 'c', code: 'unprocessable-content' },
      ],
      [
        { type: 'unheard-of', id: 'd' },
        { id: 'd', code: 'unprocessable-content' },
      ],
      ['null', { code: 'unprocessable-content' }],
    ] as const) {
      agent.say(message);
      expect(await agent.next('error')).toMatchObject(error);
    }
    agent.say({ type: 'job-started', id: 'e' });
    expect(await agent.next('ack')).toMatchObject({ id: 'e' });
  });

  test('is one a runner: the newer takes its place', async () => {
    const { agentJwt } = await aRunner();
    const first = await connectAgent(url, agentJwt);
    const second = await connectAgent(url, agentJwt);
    expect(await first.closed).toMatchObject({ code: 4003, reason: 'replaced' });
    second.say({ type: 'online', id: 'a', ready: true });
    await second.next('ack');
    expect(agents.count).toBe(1);
  });

  test('is bounded: large messages, floods, binary frames', async () => {
    const runners = await Promise.all(['large', 'flood', 'binary'].map((name) => aRunner(name)));
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
    const { agentJwt } = await aRunner();
    const agent = await connectAgent(url, agentJwt);
    for (let index = 0; index < 21; index++) {
      agent.say({ type: 'online', id: `${index}`, ready: false });
      await (index < 20 ? agent.next('ack') : agent.next('error'));
    }
    expect(agent.orders.at(-1)).toMatchObject({ code: 'too-many-requests', retryAfterSeconds: 10 });
  });

  test('whose peer is silent is found dead', async () => {
    const { agentJwt } = await aRunner();
    const alive = await connectAgent(url, agentJwt);
    await sleep(500);
    expect(agents.count).toBe(1);
    // A paused socket answers no ping, as one whose machine is gone.
    alive.socket.pause();
    await expect.poll(() => agents.count, { timeout: 2000 }).toBe(0);
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
      (uid) => api.tokens.store.set(later(current(uid), { status: { phase: 'Revoked' } })),
    ],
    ['a deleted token', 'unknown-token', (uid) => api.tokens.store.delete(current(uid))],
    [
      'a deregistered runner',
      'revoked-token',
      (uid) => api.tokens.store.set(later(current(uid), { status: { endedAt: 'now' } })),
    ],
    [
      'a later attempt',
      'old-attempt',
      (uid) => api.tokens.store.set(later(current(uid), { status: { replacedBy: 'x' } })),
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
    api.tokens.store.set(aParent());
    const { agentJwt, uid, token } = await aRunner('doomed', { parentRef: PARENT });
    const agent = await connectAgent(url, agentJwt);
    await agent.next('hello');
    const from = performance.now();
    end(uid, token);
    expect(await agent.next('revoke')).toMatchObject({ reason });
    expect(await agent.closed).toMatchObject({ code: 4001, reason: 'revoked' });
    expect((await agent.closed).at - from).toBeLessThan(500);
    await expect(connectAgent(url, agentJwt)).rejects.toMatchObject({ status: 401 });
  });

  test('by its JWT’s expiry is asked to come back with a fresh one', async () => {
    const { agentJwt } = await aRunner();
    const agent = await connectAgent(url, agentJwt);
    nowMs += 3601_000;
    expect(await agent.closed).toMatchObject({ code: 4002, reason: 'expired' });
    expect(agent.orders.map(({ type }) => type)).toEqual(['hello']);
  });

  test('by its key’s end is asked to come back, for the keys may', async () => {
    const { agentJwt } = await aRunner();
    const agent = await connectAgent(url, agentJwt);
    agents.useKeys();
    expect(agents.count).toBe(1);
    api.agentVerifier.useKeys(await verificationKeys({ keys: [] }));
    agents.useKeys();
    expect(await agent.closed).toMatchObject({ code: 1013 });
    expect(agent.orders.map(({ type }) => type)).toEqual(['hello']);
  });
});

describe('while a watch is broken', () => {
  test('the apiserver is asked, and who is not vouched for goes', async () => {
    await stop();
    const asked = new Map<string, number>();
    let deaf = false;
    await start({
      heard: () => !deaf,
      ask: async (claims) => {
        asked.set(claims.jti, (asked.get(claims.jti) ?? 0) + 1);
        if (claims.jti.endsWith('-gone')) throw new TokenRefused('dead-pod');
        if (claims.jti.endsWith('-lost')) throw new TokenRefused('unverifiable');
        return current(claims.jti);
      },
    });
    const [kept, gone, lost] = await Promise.all(
      ['kept', 'gone', 'lost'].map(async (name) => connectAgent(url, (await aRunner(name)).agentJwt)),
    );
    deaf = true;
    expect(await gone?.closed).toMatchObject({ code: 4001 });
    expect(await gone?.next('revoke')).toEqual({ type: 'revoke', reason: 'dead-pod' });
    expect(await lost?.closed).toMatchObject({ code: 1013, reason: 'unverifiable' });
    kept?.say({ type: 'online', id: 'a', ready: true });
    await kept?.next('ack');
    expect(agents.count).toBe(1);
    expect(asked.size).toBe(3);
  });

  test('a hundred of them are all asked for, though not all at once', async () => {
    await stop();
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
        return current(jti);
      },
    });
    const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
    await Promise.all(names.map(async (name) => connectAgent(url, (await aRunner(name)).agentJwt)));
    deaf = true;
    await expect.poll(() => asked.size).toBe(100);
    expect(most).toBeLessThanOrEqual(32);
    expect(agents.count).toBe(100);
  });
});

describe('drain', () => {
  const since = '2026-11-21T08:10:00.000Z';
  const deadline = '2026-11-21T09:10:00.000Z';

  test('is told at once, taken back at once, and told again to one that connects later', async () => {
    const { agentJwt, token } = await aRunner();
    const mark = (drain?: object) =>
      api.pods.store.set({
        ...aPod(token, { resourceVersion: String(++version) }),
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
    const { agentJwt } = await aRunner('mac', {
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
  const { agentJwt } = await aRunner();
  const agent = await connectAgent(url, agentJwt);
  const from = performance.now();
  await stop();
  expect(await agent.closed).toMatchObject({ code: 1012, reason: 'restarting' });
  expect(performance.now() - from).toBeLessThan(1500);
});
