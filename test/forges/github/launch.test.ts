import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { launch } from '../../../src/forges/github/launch.ts';

const SECRET = 'the-key-of-the-runner';
const FILES = { runner: '{"AgentId":"7"}', credentials: '{}', credentials_rsaparams: `{"d":"${SECRET}"}` };

/**
 * Stands for run.sh of GitHub's image: tells what a job could find of the secret, then waits for a signal, which it
 * takes as run.sh does where RUNNER_MANUALLY_TRAP_SIG is set.
 */
const RUN_SH = `#!/bin/sh
trap 'echo stopped >stopped; exit 0' INT TERM
cat /proc/$$/cmdline /proc/$$/environ | tr '\\0' '\\n' >seen
ls -A "$HARRIER_JOIN_DIR" >left
echo "$RUNNER_MANUALLY_TRAP_SIG" >trap
echo "$$" >pid.new; mv pid.new pid
while :; do sleep 0.05; done
`;

let folder: string;
let home: string;
let joinFolder: string;
let runner: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'launch-'));
  [home, joinFolder] = [join(folder, 'home'), join(folder, 'join')];
  await mkdir(home);
  await mkdir(joinFolder);
  await writeFile(join(home, 'run.sh'), RUN_SH, { mode: 0o755 });
});
afterEach(async () => {
  runner?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

async function start(files: Record<string, string>, env: Record<string, string> = {}): Promise<ChildProcess> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(joinFolder, name), text);
    await chmod(join(joinFolder, name), 0o400);
  }
  const [command = '', ...args] = launch;
  const path = process.env.PATH ?? '';
  runner = spawn(command, args, { cwd: home, env: { PATH: path, HARRIER_JOIN_DIR: joinFolder, ...env } });
  await expect.poll(() => readdir(home), { timeout: 10_000 }).toContain('pid');
  return runner;
}

const read = (name: string) => readFile(join(home, name), 'utf8');

test('the runner finds its files in its folder, and nothing of them is anywhere else', async () => {
  const { pid } = await start(FILES);
  expect(await read('.runner')).toBe(FILES.runner);
  expect(await read('.credentials_rsaparams')).toBe(FILES.credentials_rsaparams);
  expect((await stat(join(home, '.credentials_rsaparams'))).mode & 0o777).toBe(0o600);
  expect(await read('left')).toBe('');
  expect(await readdir(joinFolder)).toEqual([]);
  expect(await read('seen')).not.toContain(SECRET);
  // It is the runner itself that the container's first process becomes.
  expect(Number(await read('pid'))).toBe(pid);
});

test('a signal reaches the runner', async () => {
  const process = await start(FILES);
  expect((await read('trap')).trim()).toBe('1');
  process.kill('SIGTERM');
  await expect.poll(() => readdir(home), { timeout: 10_000 }).toContain('stopped');
});

test('the authority of a server of its own is trusted besides those that were before', async () => {
  const [system, more] = [join(folder, 'system.crt'), join(folder, 'more.crt')];
  await writeFile(system, 'SYSTEM\n');
  await writeFile(more, 'MORE\n');
  const env = { SSL_CERT_FILE: system, NODE_EXTRA_CA_CERTS: more };
  await start({ ...FILES, 'ca.crt': 'OF THE FORGE\n' }, env);
  const seen = await read('seen');
  const bundle = /^SSL_CERT_FILE=(.*)$/m.exec(seen)?.[1] ?? '';
  expect(await readFile(bundle, 'utf8')).toBe('SYSTEM\nMORE\nOF THE FORGE\n');
  expect(seen).toContain(`NODE_EXTRA_CA_CERTS=${bundle}\n`);
  expect(await readdir(home)).not.toContain('.ca.crt');
  await rm(bundle);
});
