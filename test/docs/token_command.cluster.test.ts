import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../hack/run/command.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { useBundle } from '../cli/bundled.ts';
import { type ControllerProcess, startController } from '../controller/controller_process.ts';
import { create, poolManifest } from '../resources/pool_manifest.ts';
import { useCluster } from '../support/cluster.ts';
import { commandsOf } from './commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const commands = commandsOf(await readFile(join(ROOT, 'docs/reference/token_command.md'), 'utf8'));
const cluster = useCluster();
const bundled = useBundle();
let controller: ControllerProcess;
let scratch: string;

/** In a shell that has `harrier`, and a kubeconfig whose context has the file's namespace. */
const shell = (command: string) =>
  run('bash', ['-euo', 'pipefail', '-c', command], {
    env: { KUBECONFIG: join(scratch, 'config'), PATH: `${scratch}:${process.env.PATH}` },
  });

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'harrier-docs-'));
  const program = join(scratch, 'harrier');
  await writeFile(program, `#!/bin/sh\nexec ${process.execPath} ${bundled.main} "$@"\n`);
  await chmod(program, 0o755);
  const config = JSON.parse(await cluster.kubectl('config', 'view', '--raw', '--flatten', '-o', 'json'));
  for (const { context } of config.contexts) context.namespace = cluster.namespace;
  await writeFile(join(scratch, 'config'), JSON.stringify(config));
  await create(cluster, poolManifest('linux', { replicas: 0 }));
  controller = startController({ kubeconfig: cluster.kubeconfig, namespace: cluster.namespace });
  const seen = '--for=jsonpath={.status.observedGeneration}=1';
  await cluster.kubectl('wait', seen, 'rp/linux', '--timeout=90s', { timeoutMs: 100_000 });
}, 120_000);
afterAll(async () => {
  await controller.kill('SIGTERM');
  await rm(scratch, { recursive: true, force: true });
});

test('every command has its example', () => {
  expect(commands.map((command) => command.split(' ')[2])).toEqual([
    'create',
    'list',
    'describe',
    'disable',
    'enable',
    'pin',
    'unpin',
    'revoke',
    'create',
  ]);
  expect(commands.at(-1)).toMatch(/\| harrier token inspect$/);
});

const macs = async () => (await cluster.kubectlJson<RunnerToken>('get', 'rt', 'macs')).spec;

/** What is to be seen after an example, by its command. */
const AFTER: Record<string, (printed: string) => Promise<void> | void> = {
  create: async () => expect(await macs()).toMatchObject({ description: 'the Macs of the lab' }),
  list: (printed) => expect(printed).toMatch(/^macs +linux .* Active /m),
  describe: (printed) => expect(printed).toMatch(/^Description: +the Macs of the lab$/m),
  disable: async () => expect(await macs()).toMatchObject({ active: false }),
  enable: async () => expect(await macs()).toMatchObject({ active: true }),
  pin: async () => expect(await macs()).toMatchObject({ usage: 'Reusable' }),
  unpin: async () => expect(await macs()).toMatchObject({ usage: 'OneTime' }),
  revoke: () => expect(macs()).rejects.toThrow(/not ?found/i),
  inspect: (printed) => expect(JSON.parse(printed)).toMatchObject({ prefix: 'hrt_', randomBytes: 16 }),
};

for (const command of commands)
  test(`runs: ${command}`, async () => {
    const printed = await shell(command);
    await AFTER[command.split(' ').at(command.includes('|') ? -1 : 2) ?? '']?.(printed);
  });
