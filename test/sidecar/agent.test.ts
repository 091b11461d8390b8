import { writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { issueToken } from '../../src/tokens/issue.ts';
import {
  type AgentApi,
  later,
  nextVersion,
  startAgentApi,
  type TestRunner,
} from '../runtime/agent/agent_api.ts';
import { aPod } from '../runtime/builders.ts';
import { AUDIENCE, aPool, ISSUER, NOW } from '../tokens/builders.ts';
import { prepareSidecar, type SidecarProcess, startSidecar } from './sidecar_process.ts';
import { caughtUp, serve } from './stand.ts';

/** For so long the sidecar's reports wait for a connection that is being opened, in ms; then they go by POST. */
const OPENING_MS = 1000;

let prepared: Awaited<ReturnType<typeof prepareSidecar>>;
beforeAll(async () => {
  prepared = await prepareSidecar('');
});
afterAll(() => prepared.remove());

let api: AgentApi;
let runner: TestRunner;
let sidecar: SidecarProcess | undefined;
beforeEach(async () => {
  api = await startAgentApi();
  runner = await api.aRunner();
});
afterEach(async () => {
  await sidecar?.stop();
  sidecar = undefined;
  await api.stop();
});

const agentFile = () => `${prepared.folder}/agent`;
async function start(apiUrl = api.url): Promise<SidecarProcess> {
  await writeFile(prepared.tokenFile, runner.jwt);
  await writeFile(agentFile(), runner.agentJwt);
  sidecar = await startSidecar(prepared.bundle, {
    HARRIER_API_URL: apiUrl,
    HARRIER_TOKEN_FILE: prepared.tokenFile,
    HARRIER_AGENT_TOKEN_FILE: agentFile(),
  });
  return sidecar;
}
const states = () => api.said(runner.uid);
const say = (url: string, body: unknown) =>
  fetch(`${url}/v1/runner/status`, { method: 'POST', body: JSON.stringify(body) });
const messages = (process: SidecarProcess) => process.log().map(({ msg }) => msg);
/** What opening the connection took, by the sidecar's own log, in ms. */
function openingMs(process: SidecarProcess): number {
  const at = (what: string) => Date.parse(String(process.log().find(({ msg }) => msg === what)?.time));
  return at('agent connected') - at('sidecar serves');
}
const posts = () =>
  api
    .logged()
    .split('\n')
    .filter((line) => line.includes('"route":"/v1/runner/status"'));

describe('in agent mode', () => {
  it('every state goes over one connection, and the runner is answered as by HTTP', async () => {
    const process = await start();
    const { url, stop } = process;
    await expect.poll(states).toEqual(['Installing', 'Idle']);
    await expect.poll(() => api.agents.count).toBe(1);
    // What was said before there was a connection: nothing, unless the machine took so long to open one.
    const early = posts().length;
    expect(openingMs(process) < OPENING_MS ? early : 0).toBe(0);
    const busy = await say(url, { state: 'Busy', message: 'build 7' });
    expect([busy.status, await busy.json()]).toMatchObject([200, { state: 'Busy', message: 'build 7' }]);
    const illegal = await say(url, { state: 'Idle' });
    expect([illegal.status, await illegal.json()]).toMatchObject([409, { code: 'illegal-transition' }]);
    const unknown = await say(url, { state: 'Asleep' });
    expect([unknown.status, await unknown.json()]).toMatchObject([422, { code: 'unprocessable-content' }]);
    expect(await stop()).toBe(0);
    await expect.poll(states).toEqual(['Installing', 'Idle', 'Busy', 'Terminated']);
    // By POST came only what the sidecar could make nothing of.
    expect(posts()).toHaveLength(early + 1);
    await expect.poll(() => api.agents.count).toBe(0);
  });

  it('a runner that says its end twice gets the same answer twice, and the sidecar does not say it again', async () => {
    const { url, stop, log } = await start();
    await expect.poll(states).toContain('Idle');
    const [first, second] = [
      await say(url, { state: 'Terminated' }),
      await say(url, { state: 'Terminated' }),
    ];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await second.text()).toBe(await first.text());
    await stop();
    expect(states()).toEqual(['Installing', 'Idle', 'Terminated']);
    expect(log().map(({ msg }) => msg)).not.toContain('termination reported');
  });

  it('a revoked runner is refused everything at once, and open transfers end', async () => {
    const results = await serve((_request, response) => void response.write('begun'));
    await writeFile(prepared.tokenFile, runner.jwt);
    await writeFile(agentFile(), runner.agentJwt);
    sidecar = await startSidecar(prepared.bundle, {
      HARRIER_API_URL: api.url,
      HARRIER_TOKEN_FILE: prepared.tokenFile,
      HARRIER_AGENT_TOKEN_FILE: agentFile(),
      HARRIER_RESULTS_UPSTREAM: results.url,
    });
    const { url } = sidecar;
    await expect.poll(states).toContain('Idle');
    await expect.poll(() => api.agents.count).toBe(1);
    const open = await fetch(`${url}/some/transfer`);
    const cut = open.text().then(
      () => 'complete',
      () => performance.now(),
    );
    const waiting = fetch(`${url}/v1/runner/drain?wait=60`).catch(() => 'cut');
    await caughtUp(url);
    const from = performance.now();
    api.tokens.store.set(later(api.current(runner.uid), { status: { phase: 'Revoked' } }));
    expect(Number(await cut) - from).toBeLessThan(1000);
    expect(await waiting).toBe('cut');
    for (const path of [
      '/v1/runner',
      '/_apis/artifactcache/cache?keys=k&version=ab',
      '/any',
      '/v1/runner/drain',
    ])
      expect((await fetch(url + path)).status, path).toBe(401);
    const said = await say(url, { state: 'Busy' });
    expect([said.status, await said.json()]).toMatchObject([401, { code: 'unauthorized' }]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(states()).not.toContain('Busy');
    results.close();
  });

  it('a drain is there for the asking, and ends a wait for it', async () => {
    const { url } = await start();
    await expect.poll(() => api.agents.count).toBe(1);
    const drain = { since: '2026-11-21T08:10:00.000Z', deadline: '2026-11-21T09:10:00.000Z' };
    const mark = (marked?: typeof drain) =>
      api.pods.store.set({
        ...aPod(runner.token, { resourceVersion: nextVersion() }),
        ...(marked && { drain: marked }),
      });
    const ask = async (query = '') => (await fetch(`${url}/v1/runner/drain${query}`)).json();
    expect(await ask()).toEqual({ draining: false });
    expect(await ask('?wait=0.05')).toEqual({ draining: false });
    const waiting = ask('?wait=30');
    await caughtUp(url);
    mark(drain);
    expect(await waiting).toEqual({ draining: true, ...drain });
    expect(await ask('?wait=30')).toEqual({ draining: true, ...drain });
    mark();
    await expect.poll(() => ask()).toEqual({ draining: false });
    expect((await fetch(`${url}/v1/runner/drain?wait=x`)).status).toBe(400);
  });

  it.runIf(process.platform === 'linux')('it idles under 64 MiB with its connection open', async () => {
    const { residentMiB } = await start();
    await expect.poll(() => api.agents.count).toBe(1);
    await sleep(2000);
    const resident = await residentMiB();
    console.log(`sidecar in agent mode: idle at ${resident.toFixed(1)} MiB`);
    expect(resident).toBeLessThan(64);
  });

  it('comes back with a fresh token before the old one expires', { timeout: 60_000 }, async () => {
    await start();
    await expect.poll(states).toContain('Idle');
    await expect.poll(() => api.agents.count).toBe(1);
    const later = new Date(NOW.getTime() + 60_000);
    const fresh = await issueToken({
      token: api.current(runner.uid),
      pool: aPool(),
      issuer: ISSUER,
      audience: AUDIENCE,
      key: api.key,
      now: new Date(later.getTime() - 58_000),
    });
    await writeFile(agentFile(), fresh.agentJwt ?? '');
    await expect
      .poll(() => messages(sidecar as SidecarProcess).filter((msg) => msg === 'agent connected').length, {
        timeout: 25_000,
      })
      .toBe(2);
    await expect.poll(() => api.agents.count).toBe(1);
    expect(JSON.stringify(sidecar?.log())).not.toContain(runner.agentJwt.slice(-40));
  });
});

describe('without a connection', () => {
  /** Lets HTTP through and cuts every upgrade, as a proxy does that knows no WebSocket. */
  function startProxy(target: string): Promise<{ url: string; server: Server; upgrades(): number }> {
    let upgrades = 0;
    const server = createServer((client: Socket) => {
      const upstream = connect(Number(new URL(target).port), '127.0.0.1');
      client.on('data', (chunk) => {
        if (/upgrade: websocket/i.test(String(chunk))) {
          upgrades++;
          client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
          upstream.destroy();
        } else upstream.write(chunk);
      });
      upstream.pipe(client);
      for (const socket of [client, upstream]) {
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          upstream.destroy();
        });
      }
    });
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        resolve({ url: `http://127.0.0.1:${port}`, server, upgrades: () => upgrades });
      }),
    );
  }

  it('states go by POST', async () => {
    const proxy = await startProxy(api.url);
    const { url, stop } = await start(proxy.url);
    await expect.poll(states).toEqual(['Installing', 'Idle']);
    expect((await say(url, { state: 'Busy' })).status).toBe(200);
    await expect.poll(proxy.upgrades).toBeGreaterThan(0);
    await stop();
    await expect.poll(states).toEqual(['Installing', 'Idle', 'Busy', 'Terminated']);
    expect(api.agents.count).toBe(0);
    proxy.server.close();
  });

  it('a report is kept until there is an api again, and answered then', { timeout: 60_000 }, async () => {
    const { url } = await start();
    await expect.poll(states).toContain('Idle');
    const { port } = new URL(api.url);
    const { key } = api;
    await api.stop();
    const answered = say(url, { state: 'Busy' });
    await expect.poll(() => messages(sidecar as SidecarProcess)).toContain('agent disconnected');
    // The same address, the same keys, the same runner: a replica that was restarted.
    const known = api.current(runner.uid);
    api = await startAgentApi({ port: Number(port), key });
    api.tokens.store.set(known);
    api.pods.store.set(aPod(known));
    expect((await answered).status).toBe(200);
    expect(states()).toEqual(['Busy']);
    await expect.poll(() => api.agents.count, { timeout: 35_000 }).toBe(1);
  });
});
