import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Api } from '../../src/runtime/server.ts';
import type { Report } from '../../src/runtime/transition.ts';
import { buildRunnerApi } from './runner_api.ts';
import { prepareSidecar, type SidecarProcess, startSidecar } from './sidecar_process.ts';
import { urlOf } from './stand.ts';

const TOKEN = 'token-of-the-pod';
let prepared: Awaited<ReturnType<typeof prepareSidecar>>;
beforeAll(async () => {
  prepared = await prepareSidecar(TOKEN);
});
afterAll(() => prepared.remove());

let api: Api;
let reports: Report[];
let bearers: Set<string>;
let sidecar: SidecarProcess | undefined;
beforeEach(async () => {
  bearers = new Set([TOKEN]);
  ({ api, reports } = await buildRunnerApi(bearers));
  await api.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await sidecar?.stop();
  sidecar = undefined;
  const closed = api.close();
  api.server.closeAllConnections();
  await closed;
});

const start = async (apiUrl = urlOf(api.server)) => {
  sidecar = await startSidecar(prepared.bundle, {
    HARRIER_API_URL: apiUrl,
    HARRIER_TOKEN_FILE: prepared.tokenFile,
  });
  return sidecar;
};
const states = () => reports.map(({ state }) => state);
const said = (url: string, state: string) =>
  fetch(`${url}/v1/runner/status`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer anything' },
    body: JSON.stringify({ state }),
  });

describe('reports', () => {
  it('are Installing, Idle, what the runner says, and Terminated at SIGTERM', async () => {
    const { url, stop } = await start();
    await expect.poll(states).toEqual(['Installing', 'Idle']);
    const busy = await said(url, 'Busy');
    expect([busy.status, await busy.json()]).toMatchObject([200, { state: 'Busy' }]);
    expect(await stop()).toBe(0);
    await expect.poll(states).toEqual(['Installing', 'Idle', 'Busy', 'Terminated']);
  });

  it('go on until the api takes them', { timeout: 60_000 }, async () => {
    bearers.clear();
    const { log } = await start();
    await expect.poll(() => log().some(({ msg }) => msg === 'state not taken, will try again')).toBe(true);
    expect(JSON.stringify(log())).not.toContain(TOKEN);
    bearers.add(TOKEN);
    await expect.poll(states, { timeout: 35_000 }).toEqual(['Installing', 'Idle']);
  });

  it('leave a runner alone that is further on: a sidecar that is restarted', async () => {
    reports.push({ state: 'Busy', since: '2026-01-01T00:00:00Z' });
    const { url } = await start();
    const who = await fetch(`${url}/v1/runner`);
    expect(await who.json()).toMatchObject({
      pool: 'pool',
      pod: { name: 'pod-1' },
      report: { state: 'Busy' },
    });
    expect(states()).toEqual(['Busy']);
    const illegal = await said(url, 'Installing');
    expect([illegal.status, await illegal.json()]).toMatchObject([409, { code: 'illegal-transition' }]);
  });

  it('stop when the runner speaks first', { timeout: 30_000 }, async () => {
    const { url, log } = await start();
    await said(url, 'Busy');
    await expect.poll(() => log().length).toBeGreaterThan(1);
    expect(states().at(-1)).toBe('Busy');
  });
});

describe('without an api', () => {
  it('it lives, says so, and answers unavailable', async () => {
    const { url, stop } = await start('http://127.0.0.1:9');
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    const answer = await fetch(`${url}/v1/runner`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'unavailable' }]);
    expect(await stop()).toBe(0);
  });
});
