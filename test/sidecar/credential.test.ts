import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCredentialCalls } from '../../src/sidecar/credential_calls.ts';
import { prepareSidecar, type SidecarProcess, startSidecar } from './sidecar_process.ts';
import { caughtUp } from './stand.ts';

const CANARY = 'canary-Kd83hsPq02-secret';
const PATH = '/v1/runner/credential';

let prepared: Awaited<ReturnType<typeof prepareSidecar>>;
beforeAll(async () => {
  prepared = await prepareSidecar('token-of-the-pod');
});
afterAll(() => prepared.remove());

/** An api of which only this one path is of interest; the reports of the sidecar's own are taken. */
let api: Server;
let answer: RequestListener;
let keys: string[];
let sidecar: SidecarProcess;
beforeEach(async () => {
  keys = [];
  api = createServer((request, response) => {
    if (request.url !== PATH) {
      response.setHeader('content-type', 'application/json').end('{"state":"Idle"}');
      return;
    }
    keys.push(String(request.headers['idempotency-key']));
    answer(request, response);
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  sidecar = await startSidecar(prepared.bundle, {
    HARRIER_API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    HARRIER_TOKEN_FILE: prepared.tokenFile,
  });
});
afterEach(async () => {
  api.closeAllConnections();
  api.close();
  await sidecar.stop();
});

const gives: RequestListener = (_request, response) =>
  response
    .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify({ credential: CANARY }));
const refuses =
  (status: number, code: string): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code }));
const ask = (headers: Record<string, string> = {}) => fetch(sidecar.url + PATH, { headers });

describe('the credential through the sidecar', () => {
  it('comes as the api gives it, kept by nobody and logged nowhere', async () => {
    answer = gives;
    const got = await ask();
    expect([got.status, await got.json()]).toEqual([200, { credential: CANARY }]);
    expect(got.headers.get('cache-control')).toBe('no-store');
    expect(JSON.stringify(sidecar.log())).not.toContain(CANARY);
  });

  it('is asked for anew, as another call, once an answer has come', async () => {
    answer = gives;
    await (await ask()).text();
    answer = refuses(409, 'credential-handed-out');
    const second = await ask();
    expect([second.status, await second.json()]).toMatchObject([409, { code: 'credential-handed-out' }]);
    await (await ask()).text();
    expect(new Set(keys).size).toBe(3);
    for (const key of keys) expect(key.length).toBeGreaterThanOrEqual(16);
  });

  it('is never asked for again by the sidecar itself, and by the next program as the same call', async () => {
    answer = (request) => request.socket.destroy();
    const broken = await ask();
    expect([broken.status, await broken.json()]).toMatchObject([503, { code: 'unavailable' }]);
    expect(keys).toHaveLength(1);
    answer = refuses(503, 'unavailable');
    expect((await ask()).status).toBe(503);
    expect(keys).toHaveLength(2);
    answer = gives;
    expect(await (await ask()).json()).toEqual({ credential: CANARY });
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    await (await ask()).text();
    expect(new Set(keys).size).toBe(2);
  });

  it('stays the same call when the program went away before it got the answer', async () => {
    let release = () => {};
    answer = (request, response) => {
      release = () => gives(request, response);
    };
    const leaving = new AbortController();
    const left = fetch(sidecar.url + PATH, { signal: leaving.signal }).catch(() => 'left');
    await expect.poll(() => keys.length).toBe(1);
    leaving.abort();
    expect(await left).toBe('left');
    release();
    answer = gives;
    await caughtUp(sidecar.url);
    await (await ask()).text();
    expect(keys[1]).toBe(keys[0]);
  });

  it('lets a program bring a key of its own', async () => {
    answer = gives;
    await (await ask({ 'idempotency-key': 'chosen-by-the-program' })).text();
    expect(keys).toEqual(['chosen-by-the-program']);
  });

  it('is only to be got by GET', async () => {
    answer = gives;
    for (const method of ['POST', 'HEAD', 'PUT'])
      expect((await fetch(sidecar.url + PATH, { method })).status, method).toBe(404);
    expect(keys).toEqual([]);
  });
});

describe('keys of calls', () => {
  it('are each its own while several are under way, and a lost one goes to one call', () => {
    let count = 0;
    const calls = createCredentialCalls(() => `key-${++count}`);
    const [one, two] = [calls(undefined), calls(undefined)];
    expect([one.key, two.key]).toEqual(['key-1', 'key-2']);
    one.ended(false);
    two.ended(true);
    const [three, four] = [calls(undefined), calls(undefined)];
    expect([three.key, four.key]).toEqual(['key-1', 'key-3']);
    const brought = calls('mine');
    brought.ended(false);
    three.ended(true);
    expect(calls(undefined).key).toBe('key-4');
  });
});
