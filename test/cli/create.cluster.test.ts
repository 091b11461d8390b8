import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectToken } from '../../src/cli/inspect_token.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { type ControllerProcess, startController } from '../controller/controller_process.ts';
import { create, poolManifest } from '../resources/pool_manifest.ts';
import { useCluster } from '../support/cluster.ts';
import { useBundle } from './bundled.ts';
import type { Ended } from './harrier.ts';

const cluster = useCluster();
const program = useBundle();
/** A machine may be busy with other tests. */
const LONG = { timeout: 30_000 };
let controller: ControllerProcess;
/** A namespace whose pools no controller serves. */
let unserved: string;

const token = (...args: string[]): Promise<Ended> =>
  program.run([...args, ...(args.includes('-n') ? [] : ['-n', cluster.namespace])], {
    env: { KUBECONFIG: cluster.kubeconfig },
  });
const read = (name: string) => cluster.kubectlJson<RunnerToken>('get', 'rt', name);
const secretValue = async (secret: string, key = 'token') => {
  const { data } = await cluster.kubectlJson<{ data: Record<string, string> }>('get', 'secret', secret);
  return Buffer.from(data[key] ?? '', 'base64').toString();
};

beforeAll(async () => {
  unserved = await cluster.newNamespace();
  const pool = poolManifest('linux', {
    replicas: 0,
    forge: { type: 'none', scope: { type: 'organization', name: 'acme' } },
    routing: { enabled: true, cell: '1' },
  });
  await create(cluster, pool);
  await cluster.kubectl('create', '-n', unserved, '-f', '-', { input: JSON.stringify(pool) });
  controller = startController({ kubeconfig: cluster.kubeconfig, namespace: cluster.namespace });
  const seen = '--for=jsonpath={.status.observedGeneration}=1';
  await cluster.kubectl('wait', seen, 'rp/linux', '--timeout=90s', { timeoutMs: 100_000 });
}, 150_000);
afterAll(() => controller.kill('SIGTERM'));

describe('create', () => {
  test('makes a token, waits for its value and prints its name; the value stays in its Secret', async () => {
    const { code, out, err } = await token('create', '--pool', 'linux', '--description', 'for the Macs');
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^runnertoken.harrier.dev\/linux-\w{6} created\n$/),
    });
    const name = out.replace(/^.*\/| created\n$/g, '');
    const { spec, status } = await read(name);
    expect(spec).toMatchObject({
      type: 'Registration',
      poolRef: { name: 'linux' },
      usage: 'Reusable',
      description: 'for the Macs',
    });
    expect(status).toMatchObject({ phase: 'Active', tokenHash: expect.any(String) });
    const value = await secretValue(status?.secretRef?.name ?? '');
    expect(err + out).not.toContain(value);
    // The command that it names prints the value.
    const [, words = ''] = /kubectl (.*)$/m.exec(err) ?? [];
    const args = words.split(' ').slice(0, 5);
    expect(await cluster.kubectl(...args, '-o', 'go-template={{index .data "token" | base64decode}}')).toBe(
      value,
    );
    expect(err).toContain(`'{{index .data "token" | base64decode}}'`);
  });

  test('--show prints the value alone, which says the cell of its pool', async () => {
    const { code, out, err } = await token(
      'create',
      '--pool',
      'linux',
      '--name',
      'shown',
      '--one-time',
      '--show',
      '--scope',
      'repository:acme/web',
      '--expires-in',
      '1h',
    );
    expect({ code, err }).toEqual({ code: 0, err: 'runnertoken.harrier.dev/shown created\n' });
    expect(out).toBe(`${await secretValue((await read('shown')).status?.secretRef?.name ?? '')}\n`);
    const inspected = await program.run(['inspect'], { input: out });
    expect(JSON.parse(inspected.out)).toMatchObject({
      format: 'routable',
      prefix: 'hrt_',
      routing: { cell: '1', organization: 'acme' },
    });
    const { spec } = await read('shown');
    expect(spec).toMatchObject({ usage: 'OneTime', scope: { type: 'repository', name: 'acme/web' } });
    expect(Math.abs(Date.parse(spec.expiresAt ?? '') - Date.now() - 3_600_000)).toBeLessThan(60_000);
  });

  test("takes a value of the user's own, and shows it", async () => {
    await cluster.kubectl(
      'create',
      'secret',
      'generic',
      'mine',
      '--from-literal=key=my-own-secret-value-0123456789',
    );
    const { code, out } = await token(
      'create',
      '--pool',
      'linux',
      '--name',
      'own',
      '--one-time',
      '--secret',
      'mine',
      '--secret-key',
      'key',
      '--show',
    );
    expect({ code, out }).toEqual({ code: 0, out: 'my-own-secret-value-0123456789\n' });
    expect(inspectToken(out.trim(), new Date())).toMatchObject({ format: 'plain', reason: 'form' });
  });

  test('a newer token takes the place of the older ones, unless they are to be kept', async () => {
    const made = async (...args: string[]) =>
      JSON.parse((await token('create', '--pool', 'linux', '-o', 'json', ...args)).out) as RunnerToken;
    const first = await made('--name', 'first');
    await made('--name', 'second', '--keep-others');
    expect(first.status?.phase).toBe('Active');
    expect((await read('first')).status?.phase).toBe('Active');
    await made('--name', 'third');
    const phase = async (name: string) => (await read(name)).status;
    await expect.poll(() => phase('first'), LONG).toMatchObject({ phase: 'Inactive', reason: 'Superseded' });
    expect((await token('list', '-o', 'wide')).out).toMatch(/^first .* Inactive .* Superseded/m);
  });
});

describe('create tells what is in the way, and what to do', () => {
  test('a pool that is not there', async () => {
    const { code, err } = await token('create', '--pool', 'lunix');
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/no pool lunix .*; there is linux/),
    });
    expect((await token('create', '--pool', 'p', '-n', 'default')).err).toContain(
      'choose a namespace with -n',
    );
  });

  test('a name that is taken', async () => {
    const args = ['create', '--pool', 'linux', '--name', 'twice', '--keep-others'];
    expect((await token(...args)).code).toBe(0);
    expect(await token(...args)).toMatchObject({ code: 1, err: expect.stringContaining('already exists') });
  });

  test('a Secret that is not there', { timeout: 120_000 }, async () => {
    // In this time the controller is to have looked at it.
    const args = ['--name', 'waiting', '--one-time', '--secret', 'absent', '--timeout', '15s'];
    const { code, err } = await token('create', '--pool', 'linux', ...args);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/waiting was made, .* after 15 s: .*absent/),
    });
    await cluster.kubectl(
      'create',
      'secret',
      'generic',
      'absent',
      '--from-literal=token=my-own-late-value-0123456789',
    );
    await expect.poll(async () => (await read('waiting')).status?.phase, { timeout: 60_000 }).toBe('Active');
  });

  test('no controller', async () => {
    const { code, err } = await token('create', '--pool', 'linux', '--timeout', '2s', '-n', unserved);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringContaining('no controller has looked at it'),
    });
  });

  test('what the apiserver refuses', async () => {
    const { code, err } = await token('create', '--pool', 'linux', '--name', 'Upper');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('RFC 1123') });
  });
});

test('a token that is deleted while its value is awaited is told', async () => {
  const pending = token('create', '--pool', 'linux', '--name', 'short', '-n', unserved);
  for (let tries = 0; ; tries++) {
    const gone = await cluster.kubectl('delete', 'rt', 'short', '-n', unserved).then(
      () => true,
      () => false,
    );
    if (gone) break;
    expect(tries).toBeLessThan(100);
    await sleep(100);
  }
  expect(await pending).toMatchObject({
    code: 1,
    err: expect.stringContaining('deleted before it had its value'),
  });
});

test('disable, enable and revoke act on what the controller keeps', async () => {
  expect((await token('create', '--pool', 'linux', '--name', 'kept', '--keep-others')).code).toBe(0);
  const phase = async () => (await read('kept')).status?.phase;
  await token('disable', 'kept');
  await expect.poll(phase, LONG).toBe('Inactive');
  // Its events are written beside its status, and nobody waits for them.
  await expect
    .poll(async () => (await token('describe', 'kept')).out, LONG)
    .toMatch(/^Reason: +Disabled$[\s\S]*^Events:$/m);
  await token('enable', 'kept');
  await expect.poll(phase, LONG).toBe('Active');
  await token('revoke', 'kept');
  await expect(read('kept')).rejects.toThrow(/not ?found/i);
}, 150_000);
