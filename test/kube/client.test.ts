import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { ConfigMapKind, SecretKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { type Answer, breakingServer, cut, json } from './breaking_server.ts';
import { configMapManifest } from './manifests.ts';
import { configMap } from './objects.ts';

let server: Awaited<ReturnType<typeof breakingServer>>;
let client: KubeClient;

beforeEach(async () => {
  server = await breakingServer();
  client = createKubeClient({ kubeConfig: server.kubeConfig('canary-token') });
});

afterEach(async () => {
  await client.close();
  await server.close();
});

const good = json(200, configMap('a', 'u1', 1));
const busy = (status: number) => json(status, { reason: 'TooManyRequests' }, { 'retry-after': '0' });
const get = () => client.get(ConfigMapKind, 'ns', 'a');
const create = () => client.create(ConfigMapKind, configMapManifest('ns', 'a'));
const apply = () => client.apply(ConfigMapKind, configMapManifest('ns', 'a'), { fieldManager: 'me' });
const remove = () => client.delete(ConfigMapKind, 'ns', 'a', { uid: 'u1' });

describe('client', () => {
  it.each<[string, () => Promise<unknown>, Answer[], number]>([
    ['a GET cut off', get, [cut, cut, good], 3],
    ['a GET told to come back', get, [busy(429), busy(503), good], 3],
    ['a POST told to come back', create, [busy(429), good], 2],
    ['an apply told to come back', apply, [busy(503), good], 2],
    ['a DELETE told to come back', remove, [busy(429), good], 2],
    ['a POST after a 401', create, [json(401, { reason: 'Unauthorized' }), good], 2],
  ])('repeats %s', async (_name, call, answers, requests) => {
    server.faults.other.push(...answers);
    expect(await call()).toBeTruthy();
    expect(server.seen.requests).toHaveLength(requests);
  });

  it.each<[string, () => Promise<unknown>, Answer[], string, number]>([
    ['a POST cut off', create, [cut], 'transient', 1],
    ['an apply cut off', apply, [cut], 'transient', 1],
    ['a DELETE cut off', remove, [cut], 'transient', 1],
    ['a POST at 500', create, [json(500, {})], 'transient', 1],
    ['a POST at 503 with no word of when', create, [json(503, {})], 'transient', 1],
    ['a GET at 403', get, [json(403, { reason: 'Forbidden' })], 'forbidden', 1],
    ['a GET at 401 twice', get, [json(401, {}), json(401, {})], 'unauthorized', 2],
    ['a GET cut off for good', get, [cut, cut, cut, cut], 'transient', 4],
    ['a GET told to come back for good', get, [429, 429, 429, 429].map(busy), 'tooManyRequests', 4],
    ['an answer that is not JSON', get, [(r) => r.end('<html>')], 'malformed', 1],
    ['an answer that is another object', get, [json(200, { kind: 'Nonsense' })], 'malformed', 1],
    [
      'an answer cut within',
      create,
      [(r) => r.writeHead(200, { 'content-length': 99 }).write('{', () => r.destroy())],
      'transient',
      1,
    ],
  ])('gives up on %s', async (_name, call, answers, kind, requests) => {
    server.faults.other.push(...answers);
    await expect(call()).rejects.toMatchObject({ name: 'KubeError', kind });
    expect(server.seen.requests).toHaveLength(requests);
  });

  it.each<[number, string, string]>([
    [409, 'Conflict', 'conflict'],
    [409, 'AlreadyExists', 'alreadyExists'],
    [410, 'Expired', 'gone'],
    [404, 'NotFound', 'notFound'],
    [403, 'Forbidden', 'forbidden'],
    [422, 'Invalid', 'invalid'],
    [400, 'BadRequest', 'invalid'],
    [429, '', 'tooManyRequests'],
    [504, 'Timeout', 'transient'],
    [415, 'UnsupportedMediaType', 'refused'],
  ])('calls %i %s %s', async (status, reason, kind) => {
    server.faults.other.push(json(status, { reason, message: 'because' }));
    await expect(create()).rejects.toMatchObject({ kind, status, reason });
  });

  it('tells neither the credentials nor what a Secret holds', async () => {
    const echo = { reason: 'Invalid', message: 'data[token]: Invalid value: "canary-value"' };
    const causes = [{ field: 'data[token]', message: 'Invalid value: "canary-value"' }];
    server.faults.other.push(json(422, { ...echo, details: { causes } }), cut);
    const manifest = { ...configMapManifest('ns', 's'), kind: 'Secret', data: { token: 'canary-value' } };
    for (const text of ['POST secrets ns/s: 422 Invalid data[token]', 'POST secrets ns/s: no answer']) {
      const error: unknown = await client.create(SecretKind, manifest).catch((one: unknown) => one);
      expect(String(error)).toContain(text);
      expect(inspectAll(error)).not.toContain('canary');
    }
    expect(server.seen.requests[0]?.headers.authorization).toBe('Bearer canary-token');
  });

  it('ends a request when told to', async () => {
    server.faults.other.push(() => undefined);
    const ending = new AbortController();
    const asking = client.get(ConfigMapKind, 'ns', 'a', { signal: ending.signal });
    setTimeout(() => ending.abort(new Error('enough')), 20);
    await expect(asking).rejects.toThrow('enough');
  });

  it.each<[string, Answer]>([
    ['no answer comes', () => undefined],
    ['an answer stops', (response) => void response.writeHead(200).write('{')],
  ])('gives up once, without another try, when %s', async (_name, answer) => {
    // Long enough for the request to arrive, even where this process stands still for a moment.
    const hasty = createKubeClient({ kubeConfig: server.kubeConfig(), timeoutMs: 1_000 });
    server.faults.other.push(answer);
    await expect(hasty.get(ConfigMapKind, 'ns', 'a')).rejects.toMatchObject({ kind: 'transient', status: 0 });
    expect(server.seen.requests).toHaveLength(1);
    await hasty.close();
  });

  it('keeps its connections', async () => {
    server.faults.other.push(...Array(10).fill(good));
    for (let i = 0; i < 10; i++) await get();
    // The next request may be sent a moment before the answered one's connection counts as free.
    expect(server.seen.connections).toBeLessThanOrEqual(2);
  });

  it.each(['..', '.', ''])('does not let the name %j lead elsewhere', async (name) => {
    await expect(client.get(ConfigMapKind, 'ns', name)).rejects.toThrow(TypeError);
    expect(server.seen.requests).toHaveLength(0);
  });

  it('keeps the slashes of a name in its place', async () => {
    await client.get(ConfigMapKind, 'ns', 'a/../../b?x');
    expect(server.seen.requests[0]?.url.pathname).toBe(
      '/api/v1/namespaces/ns/configmaps/a%2F..%2F..%2Fb%3Fx',
    );
  });

  it('deletes nothing of another UID, and tells a conflict of the same UID', async () => {
    const refused = json(409, { reason: 'Conflict' });
    server.faults.other.push(refused, json(200, configMap('a', 'u2', 1)));
    expect(await remove()).toBe(false);
    server.faults.other.push(refused, json(200, configMap('a', 'u1', 1)));
    await expect(remove()).rejects.toMatchObject({ kind: 'conflict' });
  });
});

describe('credentials', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'harrier-kube-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('come from an exec plugin, asked once while they last', async () => {
    const plugin = join(folder, 'plugin.sh');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from-plugin', expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() },
    };
    writeFileSync(plugin, `#!/bin/sh\necho run >> ${folder}/runs\necho '${JSON.stringify(credential)}'\n`, {
      mode: 0o700,
    });
    const kubeConfig = new KubeConfig();
    const { server: url } = server.kubeConfig().getCurrentCluster() ?? { server: '' };
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin };
    kubeConfig.loadFromClusterAndUser({ name: 'it', server: url, skipTLSVerify: true }, { name: 'me', exec });
    const own = createKubeClient({ kubeConfig });
    server.faults.other.push(good, good);
    await own.get(ConfigMapKind, 'ns', 'a');
    await own.get(ConfigMapKind, 'ns', 'a');
    await own.close();
    expect(server.seen.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer from-plugin',
      'Bearer from-plugin',
    ]);
  });

  it('come from a token file, without its newline', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, 'from-file\n');
    const kubeConfig = new KubeConfig();
    const { server: url } = server.kubeConfig().getCurrentCluster() ?? { server: '' };
    kubeConfig.loadFromClusterAndUser(
      { name: 'it', server: url, skipTLSVerify: true },
      { name: 'me', authProvider: { name: 'tokenFile', config: { tokenFile: file } } },
    );
    const own = createKubeClient({ kubeConfig });
    await own.get(ConfigMapKind, 'ns', 'a');
    await own.close();
    expect(server.seen.requests[0]?.headers.authorization).toBe('Bearer from-file');
  });
});

/** All that a logger could reach of an error. */
function inspectAll(error: unknown): string {
  const parts: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause)
    parts.push(String(one.stack), JSON.stringify(one), JSON.stringify(Object.getOwnPropertyDescriptors(one)));
  return parts.join('\n');
}
