import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { useCluster } from '../support/cluster.ts';
import { useBundle } from './bundled.ts';
import type { Ended } from './harrier.ts';
import { aRegistration, aRunner } from './registrations.ts';

const cluster = useCluster();
const program = useBundle();
let scratch: string;
/** A machine may be busy with other tests. */
const LONG = { timeout: 30_000 };
/** Of what was made seconds ago, or on such a machine a minute. */
const AGE = String.raw`(?:\d+m(?:\d+s)?|\d+s)`;

/** `harrier token` in the file's namespace. */
const token = (...args: string[]): Promise<Ended> => tokenIn(cluster.namespace, ...args);
const tokenIn = (namespace: string, ...args: string[]) =>
  program.run([...args, '-n', namespace], { env: { KUBECONFIG: cluster.kubeconfig } });
const spec = async (name: string) => (await cluster.kubectlJson<RunnerToken>('get', 'rt', name)).spec;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'harrier-cli-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('list', () => {
  let namespace: string;
  const list = (...args: string[]) => tokenIn(namespace, 'list', ...args);
  const lines = ({ out }: Ended) => out.trimEnd().split('\n');

  beforeAll(async () => {
    namespace = await cluster.newNamespace();
    const there = { ...cluster, kubectl: inNamespace(namespace) };
    await aRegistration(there, 'empty');
    const { uid } = await aRegistration(there, 'main', {
      spec: {
        maxUses: 10,
        description: 'for the Macs\nand more',
        scope: { type: 'organization', name: 'acme' },
        expiresAt: new Date(Date.now() + 3_599_000).toISOString(),
      },
      status: {
        phase: 'Active',
        reason: 'Ready',
        uses: 3,
        runners: 2,
        lastUsedBy: 'mac-1',
        lastUsedAt: new Date(Date.now() - 125_000).toISOString(),
      },
    });
    await aRegistration(there, 'spent', {
      spec: { usage: 'OneTime', poolRef: { name: 'other' }, expiresAt: '2020-01-01T00:00:00Z' },
      status: { phase: 'Used', uses: 1 },
    });
    await aRunner(
      there,
      'mac-1',
      { name: 'main', uid },
      { runner: { state: 'Busy', since: '2026-01-01T00:00:00Z' } },
    );
  });

  test('shows the registration tokens in columns', async () => {
    const ended = await list();
    expect(ended).toMatchObject({ code: 0, err: '' });
    const age = AGE;
    const row = (...cells: string[]) => new RegExp(`^${cells.join(' {3,}')}$`);
    expect(lines(ended)).toEqual([
      expect.stringMatching(
        row('NAME', 'POOL', 'USAGE', 'USES', 'LAST USED BY', 'RUNNERS', 'PHASE', 'EXPIRES', 'AGE'),
      ),
      expect.stringMatching(row('empty', 'linux', 'Reusable', '0', '-', '0', 'Pending', '-', age)),
      expect.stringMatching(row('main', 'linux', 'Reusable', '3/10', 'mac-1', '2', 'Active', '59m', age)),
      expect.stringMatching(row('spent', 'other', 'OneTime', '1/1', '-', '0', 'Used', 'expired', age)),
    ]);
    const starts = lines(ended).map((line) => line.indexOf(line.includes('PHASE') ? 'PHASE' : phaseIn(line)));
    expect(new Set(starts).size).toBe(1);
  });

  test('-o wide tells more, one line a token', async () => {
    const [head, , main] = lines(await list('-o', 'wide'));
    expect(head).toMatch(/AGE {3,}LAST USED {3,}SCOPE {3,}REASON {3,}DESCRIPTION$/);
    expect(main).toMatch(/ {3,}2m\d*s? {3,}organization:acme {3,}Ready {3,}for the Macs and more$/);
  });

  test('--pool chooses the pool, -o name prints what kubectl takes', async () => {
    expect((await list('--pool', 'other', '-o', 'name')).out).toBe('runnertoken.harrier.dev/spent\n');
  });

  test('--type runtime shows the runners, and all both', async () => {
    expect(lines(await list('--type', 'runtime'))).toEqual([
      expect.stringMatching(/^NAME +POOL +RUNNER +STATE +PHASE +EXPIRES +AGE$/),
      expect.stringMatching(new RegExp(`^runner-mac-1 +linux +mac-1 +Busy +Active +- +${AGE}$`)),
    ]);
    expect((await list('--type', 'all', '-o', 'name')).out.split('\n')).toHaveLength(5);
  });

  test('-o json is a List of the objects, as kubectl has them', async () => {
    const mine = JSON.parse((await list('--type', 'all', '-o', 'json')).out);
    const theirs = JSON.parse(await cluster.kubectl('get', 'rt', '-n', namespace, '-o', 'json'));
    expect(mine).toMatchObject({ apiVersion: 'v1', kind: 'List' });
    expect(mine.items).toEqual(theirs.items);
  });

  test('says so where there are none', async () => {
    expect(await list('--pool', 'nobody')).toEqual({
      code: 0,
      out: '',
      err: `No tokens found in the namespace ${namespace}.\n`,
    });
  });
});

test('list --watch shows changes as they happen, as rows and as JSON', async () => {
  const namespace = await cluster.newNamespace();
  const kubectl = inNamespace(namespace);
  const there = { ...cluster, kubectl };
  await aRegistration(there, 'first', { status: { phase: 'Active' } });
  const env = { KUBECONFIG: cluster.kubeconfig };
  const rows = program.start(['list', '--watch', '-n', namespace], { env });
  const objects = program.start(['list', '-w', '-o', 'json', '-n', namespace], { env });
  await expect.poll(() => rows.out(), LONG).toMatch(/^NAME.*\nfirst .* Active /);
  await expect.poll(() => objects.out(), LONG).toMatch(/^{.*}\n$/);
  await kubectl(
    'patch',
    'rt',
    'first',
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"uses":1,"lastUsedBy":"mac-9"}}',
  );
  await expect.poll(() => rows.out(), LONG).toMatch(/first .* 1 +mac-9 .* Active /);
  await kubectl('delete', 'rt', 'first');
  await expect.poll(() => rows.out(), LONG).toMatch(/first .* Deleted /);
  expect(await rows.interrupt()).toMatchObject({ code: 0, err: '' });
  await expect.poll(() => objects.out(), LONG).toMatch(/"type":"deleted"/);
  const { out } = await objects.interrupt();
  const changes = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(changes.map(({ type }) => type)).toEqual(['set', 'set', 'deleted']);
  expect(changes[1].object).toMatchObject({ kind: 'RunnerToken', status: { lastUsedBy: 'mac-9' } });
});

describe('a live token', () => {
  test('is disabled, with word of how many runners that ends, and enabled again', async () => {
    const { uid } = await aRegistration(cluster, 'switch', { status: { phase: 'Active' } });
    const parent = { name: 'switch', uid };
    await aRunner(cluster, 'one', parent);
    await aRunner(cluster, 'two', parent);
    await aRunner(cluster, 'dead', parent, { phase: 'Revoked' });
    await aRunner(cluster, 'of-a-namesake', { name: 'switch', uid: 'another' });
    const name = 'runnertoken.harrier.dev/switch';
    expect((await token('disable', 'switch')).out).toBe(`${name} disabled: 2 runners revoked\n`);
    expect(await spec('switch')).toMatchObject({ active: false });
    expect((await token('disable', name)).out).toBe(`${name} disabled (it was before)\n`);
    const enabled = JSON.parse((await token('enable', 'switch', '-o', 'json')).out);
    expect(enabled).toMatchObject({ kind: 'RunnerToken', spec: { active: true } });
    expect(await spec('switch')).toMatchObject({ active: true });
  });

  test('is pinned and unpinned', async () => {
    await aRegistration(cluster, 'once', { spec: { usage: 'OneTime' } });
    expect((await token('pin', 'once', '-o', 'name')).out).toBe('runnertoken.harrier.dev/once\n');
    expect(await spec('once')).toMatchObject({ usage: 'Reusable', supersedes: false });
    expect(await token('unpin', 'once')).toMatchObject({ code: 0 });
    expect(await spec('once')).toMatchObject({ usage: 'OneTime' });
  });

  test('is revoked with its runners, and so is one runner', async () => {
    const { uid } = await aRegistration(cluster, 'leaked', { status: { phase: 'Active' } });
    await aRunner(cluster, 'sole', { name: 'leaked', uid });
    expect((await token('revoke', 'leaked')).out).toBe(
      'runnertoken.harrier.dev/leaked revoked, and with it 1 runner\n',
    );
    expect(JSON.parse((await token('revoke', 'runner-sole', '-o', 'json')).out)).toEqual({
      revoked: [{ name: 'runner-sole', namespace: cluster.namespace, runners: 1 }],
    });
    const left = await cluster.kubectl('get', 'rt', '-o', 'name');
    expect(left).not.toMatch(/leaked|sole/);
  });

  test('is described with its runners', async () => {
    const { uid } = await aRegistration(cluster, 'whole', {
      spec: { usage: 'OneTime', description: 'one Mac', onRevoke: 'Delete' },
      status: { phase: 'Active', uses: 1, secretRef: { name: 'whole-registration' }, message: 'all is well' },
    });
    await aRunner(
      cluster,
      'mac',
      { name: 'whole', uid },
      { runner: { state: 'Idle', since: '2026-01-01T00:00:00Z' } },
    );
    const { code, out } = await token('describe', 'whole');
    expect(code).toBe(0);
    for (const line of [
      /^Name: +whole$/m,
      /^Type: +Registration$/m,
      /^Description: +one Mac$/m,
      /^Message: +all is well$/m,
      /^Uses: +1\/1$/m,
      /^Supersedes: +false$/m,
      /^On revoke: +Delete$/m,
      /^Secret: +whole-registration$/m,
      /^Created: +\S+Z \(\d+s ago\)$/m,
      /^ {2}NAME +TOKEN +STATE +AGE$/m,
      /^ {2}mac +runner-mac +Idle +\d+s$/m,
    ])
      expect(out).toMatch(line);
    expect((await token('describe', 'runner-mac')).out).toMatch(/^Parent: +whole$/m);
    const object = JSON.parse((await token('describe', 'whole', '-o', 'json')).out);
    expect(object).toMatchObject({ spec: { description: 'one Mac' }, descendants: ['runner-mac'] });
  });
});

describe('the kubeconfig', () => {
  /** The cluster's own with a context of this namespace beside the others. */
  async function withContext(): Promise<string> {
    const file = join(scratch, 'config');
    await writeFile(file, await cluster.kubectl('config', 'view', '--raw', '--flatten', '-o', 'json'));
    const config = (...args: string[]) => cluster.kubectl('config', ...args, '--kubeconfig', file);
    const [user] = JSON.parse(await config('view', '-o', 'json')).contexts;
    const same = [`--cluster=${user.context.cluster}`, `--user=${user.context.user}`];
    await config('set-context', 'mine', ...same, `--namespace=${cluster.namespace}`);
    return file;
  }

  test('gives the namespace by its context, which --context chooses', async () => {
    await aRegistration(cluster, 'by-context');
    const file = await withContext();
    const args = ['list', '--kubeconfig', file, '-o', 'name'];
    expect((await program.run([...args, '--context', 'mine'])).out).toContain('by-context');
    expect((await program.run([...args])).out).not.toContain('by-context');
    const { code, err } = await program.run([...args, '--context', 'yours']);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/no context yours: it has .*mine/) });
  });

  test('that is not there, or of a cluster that does not answer, is told with what to do', async () => {
    const absent = await program.run(['list', '--kubeconfig', join(scratch, 'absent')]);
    expect(absent).toMatchObject({ code: 1, err: expect.stringContaining('absent') });
    expect(await program.run(['list'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('set KUBECONFIG'),
    });
    const view = await cluster.kubectl('config', 'view', '--raw', '--flatten', '-o', 'json');
    const silent = join(scratch, 'silent');
    await writeFile(silent, view.replace(/"https:[^"]*"/, '"https://127.0.0.1:1"'));
    const { code, err } = await program.run(['list'], { env: { KUBECONFIG: silent } });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/ECONNREFUSED[\s\S]*--kubeconfig/) });
  });
});

describe('what cannot be done is told with the next step', () => {
  test.each<[string, string[], RegExp]>([
    ['a name that is none', ['disable', 'nobody'], /no token nobody in the namespace .*harrier token list/],
    ['one name of two', ['revoke', 'stays', 'nobody'], /no token nobody/],
    ['a namespace that cannot be', ['list', '-n', 'a/b'], /a%2Fb|a\/b/],
  ])('%s', async (_, args, message) => {
    if (args.includes('stays')) await aRegistration(cluster, 'stays');
    const ended = await program.run([...args, ...(args.includes('-n') ? [] : ['-n', cluster.namespace])], {
      env: { KUBECONFIG: cluster.kubeconfig },
    });
    expect(ended.err).toMatch(message);
    if (args[0] !== 'list') expect(ended).toMatchObject({ code: 1, out: '' });
    if (args.includes('stays')) expect(await spec('stays')).toBeDefined();
  });

  test('a runner is no registration', async () => {
    await aRunner(cluster, 'fixed', { name: 'gone', uid: 'gone' });
    for (const command of ['disable', 'enable', 'pin', 'unpin']) {
      const { code, err } = await token(command, 'runner-fixed');
      expect({ code, err }).toEqual({
        code: 1,
        err: expect.stringContaining('harrier token revoke runner-fixed'),
      });
    }
  });

  test('somebody without rights', async () => {
    const file = join(scratch, 'nobody');
    const view = JSON.parse(await cluster.kubectl('config', 'view', '--raw', '--flatten', '-o', 'json'));
    for (const { user } of view.users) user.as = 'nobody';
    await writeFile(file, JSON.stringify(view));
    const { code, err } = await program.run(['list', '-n', cluster.namespace, '--kubeconfig', file]);
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/403[\s\S]*the role view/) });
  });

  test.each([
    [['disable']],
    [['describe']],
    [['list', 'extra']],
    [['list', '-o', 'yaml']],
    [['list', '--type', 'some']],
    [['create']],
    [['create', 'extra', '--pool', 'p']],
    [['create', '--pool', 'p', '--show', '-o', 'json']],
    [['enable', 'x', '--force']],
  ])('%j is not understood: exit 2', async (args) => {
    const { code, out, err } = await token(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^harrier token .*\nUsage: harrier token /);
  });
});

function inNamespace(namespace: string) {
  return ((...args: Parameters<typeof cluster.kubectl>) =>
    cluster.kubectl('-n', namespace, ...(args as string[]))) as typeof cluster.kubectl;
}

function phaseIn(line: string): string {
  return ['Pending', 'Active', 'Used'].find((phase) => line.includes(phase)) ?? '';
}
