import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ApiProcess, startApi } from '../runtime/api_process.ts';

let folder = '';
let api: ApiProcess | undefined;

/** An api that hears of no apiserver: enough for one that is to end. */
async function aloneFor(shutdownSeconds: number): Promise<ApiProcess> {
  folder = await mkdtemp(join(tmpdir(), 'harrier-shutdown-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const nowhere = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'nowhere',
    contexts: [{ name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } }],
    clusters: [{ name: 'nowhere', cluster: { server: 'http://127.0.0.1:9' } }],
    users: [{ name: 'nobody', user: {} }],
  };
  await writeFile(kubeconfig, JSON.stringify(nowhere));
  const env = { HARRIER_SHUTDOWN_SECONDS: String(shutdownSeconds) };
  api = await startApi({ kubeconfig, namespace: 'harrier', runners: 'runners', env, ready: false });
  return api;
}

afterEach(async () => {
  await api?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('ends at once when nobody asks anything', async () => {
  const alone = await aloneFor(30);
  const kept = await fetch(`${alone.url}/healthz`);
  await kept.text();
  const told = performance.now();
  expect(await alone.stop()).toBe(0);
  expect(performance.now() - told).toBeLessThan(10_000);
}, 60_000);

test('waits for a request under way no longer than it may', async () => {
  const alone = await aloneFor(1);
  const { hostname, port } = new URL(alone.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  // In one piece with one that is answered: with that answer the api has the beginning of this one too.
  socket.write('GET /healthz HTTP/1.1\r\nHost: api\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ');
  await once(socket, 'data');
  const told = performance.now();
  expect(await alone.stop()).toBe(0);
  const took = performance.now() - told;
  expect(took).toBeGreaterThan(900);
  expect(took).toBeLessThan(10_000);
}, 60_000);
