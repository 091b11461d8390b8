import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Started, start } from '../hack/run/started.ts';

export interface ClientJob {
  resultsUrl: string;
  verb: 'save' | 'restore';
  key: string;
  /** Where the client runs; the saved folder is under it. */
  workspace: string;
  /** What is saved or restored, relative to the workspace. */
  folder: string;
}

/** The unmodified @actions/cache as a process of its own; `together` waits for SIGUSR2 before it begins. */
export async function startClient(job: ClientJob, together = false): Promise<Started> {
  const temp = join(job.workspace, 'temp');
  await mkdir(temp, { recursive: true });
  const script = join(import.meta.dirname, 'cache_client.ts');
  const env = {
    ACTIONS_CACHE_SERVICE_V2: 'true',
    ACTIONS_RESULTS_URL: job.resultsUrl,
    ACTIONS_RUNTIME_TOKEN: 'not-a-token',
    GITHUB_WORKSPACE: job.workspace,
    RUNNER_TEMP: temp,
    GITHUB_SERVER_URL: 'https://github.com',
  };
  const args = [script, job.verb, job.key, job.folder, ...(together ? ['together'] : [])];
  return start(process.execPath, args, env, job.workspace);
}

/** Seconds that the client itself took, without its start. Throws unless it saved, or hit. */
export async function secondsOf(client: Started, { verb, key, resultsUrl }: ClientJob): Promise<number> {
  const [, text = ''] = await client.line(/^RESULT (.*)$/);
  const result = JSON.parse(text) as { hit: boolean; seconds: number };
  if (!result.hit) throw new Error(`${verb} of ${key} at ${resultsUrl} did not hit:\n${client.words()}`);
  return result.seconds;
}

export async function runClient(job: ClientJob): Promise<number> {
  await using client = await startClient(job);
  return await secondsOf(client, job);
}
