import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBinaries } from '../../binaries/ensure.ts';
import { pinned } from '../../binaries/pinned.ts';
import { platformOf } from '../../binaries/programs.ts';
import { freePorts } from '../../cluster/free_ports.ts';
import { findProgram } from '../../cluster/node/prerequisites.ts';
import type { Note } from '../../progress.ts';
import { run } from '../../run/command.ts';
import { type Started, start } from '../../run/started.ts';
import { accountOf, commandAs, giveTo } from '../account.ts';
import { type GiteaClient, giteaClient } from './client.ts';
import { giteaSettings } from './settings.ts';

/** Users that the server may run as when we are root, which it refuses to be. */
const USERS = ['git', 'nobody'];
export const ADMIN = 'harrier';

export interface GiteaServer {
  readonly url: string;
  /** The administrator's; of every scope. */
  readonly token: string;
  readonly admin: { readonly name: string; readonly password: string };
  readonly client: GiteaClient;
  /** Ends it and leaves its files. */
  halt(): Promise<void>;
  /** Begins again after `halt`; returns when it answers. */
  resume(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** The last lines it wrote, for an error's message. */
  words(): string;
}

/** A Gitea that is set up in a folder and not yet started. */
export interface PreparedGitea {
  readonly url: string;
  readonly token: string;
  readonly admin: { readonly name: string; readonly password: string };
  /** What starts it. */
  readonly command: readonly [string, readonly string[]];
  readonly env: Record<string, string>;
}

/** Why no Gitea can run here, or undefined when one can. */
export function whyNoGitea(): string | undefined {
  if (process.platform !== 'linux') return 'the Gitea of the tests is built and run on Linux alone';
  const missing = ['go', 'gcc', 'git'].filter((program) => findProgram(program) === undefined);
  return missing.length === 0 ? undefined : `Gitea needs ${missing.join(' and ')} in PATH`;
}

/** A real Gitea of its own with an administrator and nothing else in it. */
export async function startGitea(
  options: { address?: string; settings?: Record<string, Record<string, string>> } = {},
): Promise<GiteaServer> {
  const root = await mkdtemp(join(tmpdir(), 'harrier-gitea-'));
  const prepared = await prepareGitea(root, options);
  let server: Started | undefined;
  const resume = async () => {
    server = start(...prepared.command, prepared.env, root);
    await answers(prepared.url, server);
  };
  const halt = async () => {
    await server?.[Symbol.asyncDispose]();
    server = undefined;
  };
  await resume();
  const { url, token, admin } = prepared;
  return {
    ...{ url, token, admin, halt, resume, client: giteaClient(url, token) },
    words: () => server?.words() ?? '',
    async stop() {
      await halt();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Sets a Gitea up in the folder: its settings, its database and its administrator. */
export async function prepareGitea(
  root: string,
  options: { address?: string; settings?: Record<string, Record<string, string>>; note?: Note } = {},
): Promise<PreparedGitea> {
  const bin = await ensureBinaries(['gitea'], options.note);
  const account = await accountOf(USERS);
  const address = options.address ?? '127.0.0.1';
  const [port = 0] = await freePorts(1);
  const url = `http://${address}:${port}`;
  await mkdir(join(root, 'data'), { recursive: true });
  const file = join(root, 'app.ini');
  await writeFile(file, giteaSettings({ root, address, port, url, more: options.settings ?? {} }), {
    mode: 0o600,
  });
  await keepStatic(join(root, 'static'));
  // The cache of programs may be below a home that the account can't enter.
  await cp(join(bin, 'gitea'), join(root, 'gitea'));
  // Whoever runs it has to reach it below a folder that mkdtemp made for us alone.
  await chmod(root, 0o755);
  await giveTo(account, root);

  const words = (...args: string[]) =>
    commandAs(account, join(root, 'gitea'), ['-c', file, '-w', root, ...args]);
  const env = { HOME: root, GITEA_WORK_DIR: root };
  const tell = async (...args: string[]) => {
    const [program, all] = words(...args);
    return run(program, all, { cwd: root, env });
  };
  const password = randomBytes(12).toString('base64url');
  await tell('migrate');
  await tell(
    ...['admin', 'user', 'create', '--admin', '--must-change-password=false', '--username', ADMIN],
    ...['--password', password, '--email', `${ADMIN}@example.com`],
  );
  const generate = [
    'admin',
    'user',
    'generate-access-token',
    '--username',
    ADMIN,
    '--scopes',
    'all',
    '--raw',
  ];
  const token = (await tell(...generate)).trim().split('\n').at(-1) ?? '';
  return { url, token, admin: { name: ADMIN, password }, command: words('web'), env };
}

/** Templates and the like: a Gitea built from its module alone has none in it. */
async function keepStatic(folder: string): Promise<void> {
  await mkdir(folder);
  const { module, goModule, version } = pinned('gitea', platformOf(process.platform, process.arch));
  const cwd = join(import.meta.dirname, '../../binaries', module);
  const listed = await run('go', ['list', '-m', '-f', '{{.Dir}}', goModule], { cwd });
  const sources = listed.trim();
  if (!existsSync(sources))
    throw new Error(`the sources of ${goModule} ${version} are not in Go's module cache`);
  for (const part of ['templates', 'options', 'public'])
    await cp(join(sources, part), join(folder, part), { recursive: true });
  // Go's cache is read-only, and Gitea wants to remove what it was given.
  await run('chmod', ['-R', 'u+w', folder]);
}

async function answers(url: string, server: Started): Promise<void> {
  for (const began = Date.now(); ; await sleep(50)) {
    const ok = await fetch(`${url}/api/healthz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return;
    if (Date.now() - began > 120_000) throw new Error(`Gitea does not answer:\n${server.words()}`);
  }
}
