import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterFolder } from '../../cluster/state.ts';
import { logTail, startOwned, stopOwned } from '../../processes/owned.ts';
import type { Note } from '../../progress.ts';
import { type GiteaClient, giteaClient } from './client.ts';
import { type PreparedGitea, prepareGitea } from './server.ts';

export type StandingGitea = Pick<PreparedGitea, 'url' | 'token' | 'admin'> & { client: GiteaClient };

/** Its files. Not below the cluster's own folder: nobody but root may enter that, and Gitea refuses to be root. */
const filesOf = (cluster: string) => join(tmpdir(), `harrier-gitea-of-${cluster}`);
/** Its process belongs to a folder below the cluster's, so that it ends with it. */
const ownerOf = (cluster: string) => join(clusterFolder(cluster), 'gitea');

/** The Gitea beside a cluster of this machine: that which runs already, else a new one. */
export async function standingGitea(cluster: string, address: string, note: Note): Promise<StandingGitea> {
  const files = filesOf(cluster);
  const made = join(files, 'made.json');
  const known = existsSync(made) ? (JSON.parse(readFileSync(made, 'utf8')) as PreparedGitea) : undefined;
  if (known !== undefined && (await answers(known.url)))
    return { ...known, client: giteaClient(known.url, known.token) };
  await removeStandingGitea(cluster);
  await mkdir(files, { recursive: true, mode: 0o755 });
  note('setting a Gitea up');
  const prepared = await prepareGitea(files, { address, note });
  const [program, args] = prepared.command;
  // It can't enter the folder that it is started in.
  const inFiles = ['-C', files, program, ...args];
  startOwned({ folder: ownerOf(cluster), name: 'gitea', program: 'env', args: inFiles, env: prepared.env });
  for (const began = Date.now(); !(await answers(prepared.url)); await sleep(100)) {
    note('waiting for Gitea');
    if (Date.now() - began > 120_000)
      throw new Error(`Gitea does not answer:\n${logTail(ownerOf(cluster), 'gitea')}`);
  }
  await writeFile(made, JSON.stringify(prepared), { mode: 0o600 });
  return { ...prepared, client: giteaClient(prepared.url, prepared.token) };
}

/** Ends it and removes its files; that there is none is no error. */
export async function removeStandingGitea(cluster: string): Promise<void> {
  if (existsSync(ownerOf(cluster))) await stopOwned(ownerOf(cluster), 5000);
  await rm(filesOf(cluster), { recursive: true, force: true });
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/api/healthz`, { signal: AbortSignal.timeout(2000) }).then(
    (answer) => answer.ok,
    () => false,
  );
}
