import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBinaries } from '../../../hack/binaries/ensure.ts';
import { type Started, start } from '../../../hack/run/started.ts';
import { cachedFolderAction, exampleWorkflow, WORKFLOW } from '../../../hack/servers/gitea/example.ts';
import { type GiteaServer, startGitea, whyNoGitea } from '../../../hack/servers/gitea/server.ts';
import type { Forge } from '../../../src/forges/forge.ts';
import { launch } from '../../../src/forges/gitea/launch.ts';
import { BUILD_TIMEOUT } from '../../clients/build_client.ts';
import { type Stand, startStand } from '../../sidecar/stand.ts';
import { openAt } from './settings.ts';

const reason = whyNoGitea();
const TIMEOUT = { timeout: 180_000 };
const APP = 'acme/app';

/**
 * Writes down what a job can see of the programs that it was started by, up to the shell of the launch: arguments,
 * environments, and what is in their pipes. To a file and not to the job's log: the machine's own environment is in it.
 * One of the pipes is that of the step's own output, so nothing is said before all are looked at.
 */
const LOOK = `set -eu
left=$(ls -A "$JOIN")
pid=$$
while grep -qz "^LAUNCHED_BY=" /proc/$pid/environ; do
  tr "\\0" " " < /proc/$pid/cmdline >> "$SEEN"
  cat /proc/$pid/environ >> "$SEEN"
  for fd in /proc/$pid/fd/*; do
    if [ -p "$fd" ]; then timeout 0.2 cat "$fd" >> "$SEEN" 2>/dev/null || true; fi
  done
  pid=$(sed -n "s/^PPid:.//p" /proc/$pid/status)
done
echo "JOIN FOLDER: [$left]"
echo LOOKED`;

describe.skipIf(reason !== undefined)(`Gitea's own runner${reason ? ` (${reason})` : ''}`, () => {
  let gitea: GiteaServer;
  let forge: Forge;
  let stand: Stand;
  let folder: string;
  let path: string;
  const runners: Started[] = [];
  beforeAll(async () => {
    const bin = await ensureBinaries(['gitea-runner']);
    // Its folder alone: that of the programs has Gitea in it too.
    path = [bin, dirname(process.execPath), process.env.PATH].join(':');
    gitea = await startGitea();
    await gitea.client.organization('acme');
    await gitea.client.repository('acme', 'app');
    await cachedFolderAction(gitea.client);
    forge = openAt(gitea, { type: 'organization', name: 'acme' });
    stand = await startStand();
    folder = await mkdtemp(join(tmpdir(), 'harrier-launch-'));
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await Promise.all(runners.map((runner) => runner[Symbol.asyncDispose]()));
    await Promise.all([forge?.close(), stand?.close(), gitea?.stop()]);
    await rm(folder, { recursive: true, force: true });
  }, TIMEOUT.timeout);

  /** As the pod does it: the files in the join folder, then the command of the runner's container. */
  async function launched(name: string) {
    const { record, files } = await forge.join({ name, labels: ['linux'] });
    const home = join(folder, name);
    const joinFolder = join(home, 'join');
    await mkdir(joinFolder, { recursive: true });
    for (const [file, text] of Object.entries(files))
      await writeFile(join(joinFolder, file), text, { mode: 0o400 });
    const [program = '', ...args] = launch;
    const env = {
      ...{ HOME: home, PATH: path, HARRIER_JOIN_DIR: joinFolder, LAUNCHED_BY: 'test' },
      ...{ HARRIER_URL: `${stand.url}/`, ACTIONS_CACHE_URL: `${stand.url}/` },
    };
    const runner = start(program, args, env, home);
    runners.push(runner);
    const { token } = JSON.parse(files['runner.json'] ?? '') as { token: string };
    return { record, runner, token, home, joinFolder };
  }
  const pushed = (files: Record<string, string>, message: string) => gitea.client.push(APP, files, message);
  const workflow = (...steps: unknown[]) =>
    JSON.stringify({
      on: 'push',
      jobs: { one: { 'runs-on': 'linux', defaults: { run: { shell: 'sh' } }, steps } },
    });

  it(
    'takes one job and ends; its registration is gone before the first step, wherever one looks',
    TIMEOUT,
    async () => {
      const { record, runner, token, home, joinFolder } = await launched('harrier-one');
      await expect
        .poll(() => forge.list('harrier-one'), { timeout: 30_000 })
        .toEqual([{ ...record, state: 'Idle' }]);
      expect(readdirSync(joinFolder)).toEqual([]);

      const seen = join(folder, 'seen');
      const step = { run: LOOK, env: { JOIN: joinFolder, SEEN: seen } };
      const commit = await pushed({ [WORKFLOW]: workflow(step) }, 'look');
      const [job] = await gitea.client.ended(APP, commit, 1, 90_000);
      const log = await gitea.client.log(APP, job?.id ?? 0);
      expect(job, log).toMatchObject({ conclusion: 'success' });
      expect(log).toContain('JOIN FOLDER: []');
      expect(log).toContain('LOOKED');
      const found = readFileSync(seen, 'latin1');
      // It did look at the runner, and not at itself alone.
      expect(found).toMatch(/gitea-runner --config/);
      expect(found.includes(token)).toBe(false);
      expect(log).not.toContain(token);
      expect(filesWith(home, token)).toEqual([]);

      await expect.poll(() => existsSync(`/proc/${runner.pid}`), { timeout: 30_000 }).toBe(false);
      expect(await forge.list('harrier-one')).toEqual([]);
    },
  );

  it('hands the pool’s cache to an action with the unmodified @actions/cache', TIMEOUT, async () => {
    const example = await exampleWorkflow();
    const logs: string[] = [];
    for (const name of ['harrier-cache-1', 'harrier-cache-2']) {
      await launched(name);
      const commit = await pushed({ [WORKFLOW]: example, [name]: '' }, name);
      const [job] = await gitea.client.ended(APP, commit, 1, 90_000);
      logs.push(await gitea.client.log(APP, job?.id ?? 0));
      expect(job, logs.at(-1)).toMatchObject({ conclusion: 'success', name: 'build' });
    }
    const [first, second] = logs;
    expect(first).toContain(`made and saved deps by ${stand.url}/`);
    expect(first).toContain('cache hit = false');
    expect(second).toContain(`hit deps by ${stand.url}/`);
    expect(second).toMatch(/deps have \d{4} KiB, cache hit = true/);
  });

  it('tells Gitea that its job ended when it is told to end itself', TIMEOUT, async () => {
    const { runner } = await launched('harrier-ended');
    const commit = await pushed({ [WORKFLOW]: workflow({ run: 'echo begun; sleep 300' }) }, 'long');
    await expect
      .poll(async () => (await forge.list('harrier-ended'))[0]?.state, { timeout: 60_000 })
      .toBe('Busy');
    process.kill(runner.pid, 'SIGTERM');
    const [job] = await gitea.client.ended(APP, commit, 1, 60_000);
    expect(job?.conclusion).toMatch(/failure|cancelled/);
    await expect.poll(() => forge.list('harrier-ended'), { timeout: 30_000 }).toEqual([]);
  });
});

/** Files below the folder that have the text in them. The runner tidies up meanwhile: what is gone has nothing. */
function filesWith(folder: string, text: string): string[] {
  const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesWith(path, text);
    return entry.isFile() && unlessGone(() => readFileSync(path))?.includes(text) === true ? [path] : [];
  });
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
