import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goVersion } from '../../hack/binaries/build.ts';
import { ensureBinaries } from '../../hack/binaries/ensure.ts';
import { run } from '../../hack/run/command.ts';
import { type Stand, startStand } from '../sidecar/stand.ts';
import { BUILD_TIMEOUT } from './build_client.ts';

const GITEA = 'git.example.com';
const reason = (await goVersion()) === undefined ? 'there is no go in PATH to build it with' : undefined;

/**
 * The runner executes a workflow as it does for a Gitea, on the host; `exec` gives it one without a Gitea. It then has
 * no configuration of its own, so the step has the address that `cache.external_server` would give it.
 */
describe.skipIf(reason !== undefined)(`Gitea's runner${reason ? ` (${reason})` : ''}`, () => {
  let stand: Stand;
  let folder: string;
  let program: string;
  beforeAll(async () => {
    program = join(await ensureBinaries(['gitea-runner']), 'gitea-runner');
    stand = await startStand();
    folder = await mkdtemp(join(tmpdir(), 'harrier-gitea-'));
    await mkdir(join(folder, '.gitea', 'workflows'), { recursive: true });
    const git = (...words: string[]) => run('git', ['-C', folder, ...words]);
    await git('init', '-q');
    await git('remote', 'add', 'origin', `https://${GITEA}/acme/app.git`);
    await git(
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@example.com',
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      'one',
    );
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await stand?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs the workflow once; answers what its job printed. */
  async function job(key: string): Promise<Record<string, unknown>> {
    const script = join(import.meta.dirname, 'gitea_job.mjs');
    const env = { ACTIONS_CACHE_URL: `${stand.url}/` };
    const steps = [{ env, run: `"${process.execPath}" "${script}" ${key}` }];
    const workflow = { on: 'push', jobs: { cached: { 'runs-on': 'linux', steps } } };
    // JSON is YAML too.
    await writeFile(join(folder, '.gitea', 'workflows', 'cached.yml'), JSON.stringify(workflow));
    const words = ['--image', '-self-hosted', '--event', 'push', '--gitea-instance', GITEA];
    const artifacts = ['--artifact-server-addr', '127.0.0.1', '--artifact-server-port', '0'];
    const said = await run(program, ['exec', ...words, ...artifacts], {
      cwd: folder,
      env: { HOME: folder },
    });
    const outcome = /OUTCOME (\{.*\})/.exec(said)?.[1];
    if (outcome === undefined) throw new Error(`the job printed no outcome:\n${said.slice(-4000)}`);
    return JSON.parse(outcome) as Record<string, unknown>;
  }

  it('runs a job that saves, and one that restores what it saved', { timeout: 180_000 }, async () => {
    const first = await job('gitea-deps');
    expect(first).toMatchObject({ hit: null, byRunner: true, cache: `${stand.url}/` });
    expect(await job('gitea-deps')).toMatchObject({ hit: 'gitea-deps', content: first.content });
  });

  it('finds a cache server that it may register its jobs with', async () => {
    const post = (path: string) =>
      fetch(`${stand.url}/_internal/${path}`, { method: 'POST', body: '{"token":"t","repo":"acme/app"}' });
    const before = stand.seen.length;
    expect([(await post('register')).status, (await post('revoke')).status]).toEqual([204, 204]);
    expect((await post('other')).status).toBe(404);
    expect(stand.seen.length).toBe(before);
  });
});
