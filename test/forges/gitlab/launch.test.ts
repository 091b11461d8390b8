import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { launch } from '../../../src/forges/gitlab/launch.ts';
import { runnerConfig } from '../../../src/forges/gitlab/runner_config.ts';

const TOKEN = 'glrt-the-token-of-one-runner';
const CONFIG = runnerConfig({ url: 'https://gitlab.example.com', token: TOKEN });

/**
 * Stands in for gitlab-runner, which is no part of the machine: it reads its file once, as `run-single` does
 * (commands/single.go), and then tells what a job of its own user could find.
 */
const STAND_IN = `#!/bin/sh
printf '%s\\n' "$*" >"$SEEN/arguments"
while [ "$#" -gt 0 ]; do
  [ "$1" = --config ] && config=$2
  shift
done
cat "$config" >"$SEEN/config"
tr '\\0' '\\n' </proc/$$/cmdline >"$SEEN/cmdline"
tr '\\0' '\\n' </proc/$$/environ >"$SEEN/environ"
find "$HARRIER_JOIN_DIR" -type f >"$SEEN/left"
for fd in /proc/$$/fd/*; do readlink "$fd"; done >"$SEEN/open"
timeout 1 cat "$config" >"$SEEN/again"
cat "\${SSL_CERT_FILE:-/dev/null}" >"$SEEN/authority"
echo $$ >"$SEEN/pid"
`;

let folder: string;
let joinDir: string;
const seen = (name: string) => readFile(join(folder, 'seen', name), 'utf8');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'harrier-launch-'));
  joinDir = join(folder, 'join');
  for (const name of ['join', 'seen', 'bin']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'bin/gitlab-runner'), STAND_IN);
  await chmod(join(folder, 'bin/gitlab-runner'), 0o755);
});
afterEach(() => rm(folder, { recursive: true }));

async function start(files: Record<string, string>): Promise<number | undefined> {
  for (const [name, text] of Object.entries(files))
    await writeFile(join(joinDir, name), text, { mode: 0o400 });
  const [program = '', ...args] = launch;
  const running = promisify(execFile)(program, args, {
    env: {
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      HARRIER_JOIN_DIR: joinDir,
      SEEN: join(folder, 'seen'),
      TMPDIR: folder,
    },
  });
  await running;
  return running.child.pid;
}

test('gitlab-runner reads its file, and a job finds the token nowhere', async () => {
  await start({ 'config.toml': CONFIG });
  expect(await seen('config')).toBe(CONFIG);
  expect(await seen('arguments')).toMatch(/^run-single .*--runner harrier --max-builds 1$/m);
  for (const place of ['arguments', 'cmdline', 'environ', 'left', 'again'])
    expect(await seen(place), place).not.toContain(TOKEN);
  expect(await seen('left')).toBe('');
  expect(await seen('open')).not.toContain(joinDir);
  expect(await readdir(joinDir)).not.toContain('config.toml');
});

test('it is the container’s own process, so that it gets the signals', async () => {
  const pid = await start({ 'config.toml': CONFIG });
  expect(Number(await seen('pid'))).toBe(pid);
});

test('it trusts the authority of the pool', async () => {
  await start({ 'config.toml': CONFIG, 'ca.crt': 'a certificate\n' });
  expect(await seen('authority')).toBe('a certificate\n');
  expect(await seen('left')).toBe('');
});

test('without its file it does not start', async () => {
  await expect(start({})).rejects.toThrow(/config\.toml/);
});
