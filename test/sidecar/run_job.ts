import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Step } from './actions_cache_job.ts';
import { JOB_TOKEN } from './stand.ts';

const JOB = fileURLToPath(new URL('actions_cache_job.ts', import.meta.url));

/** A folder that the steps of a job share, as they share their workspace. */
export interface JobFolder {
  path: string;
  /**
   * Runs the steps as a job would, with the environment that the controller sets; `env` on top of it. Answers what
   * each step came to, and all that the client logged.
   */
  run(steps: Step[], env?: Record<string, string>): Promise<{ results: unknown[]; log: string }>;
  /** Saves random bytes and restores them, checks that they are the same; answers the client's log. */
  saveAndRestore(key: string, mebibytes: number, env?: Record<string, string>): Promise<string>;
  remove(): Promise<void>;
}

/**
 * @param sidecarUrl Asked for when a step runs.
 * @param within What starts the step elsewhere, such as in a pod's network.
 */
export async function makeJobFolder(
  sidecarUrl: () => string,
  within: readonly string[] = [],
): Promise<JobFolder> {
  const workspace = await mkdtemp(join(tmpdir(), 'harrier-job-'));
  await mkdir(join(workspace, 'tmp'));

  const run: JobFolder['run'] = (steps, env = {}) => {
    const [command = '', ...args] = [...within, process.execPath, JOB, JSON.stringify(steps)];
    const child = spawn(command, args, {
      cwd: workspace,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: workspace,
        ACTIONS_CACHE_SERVICE_V2: 'true',
        ACTIONS_CACHE_URL: `${sidecarUrl()}/`,
        ACTIONS_RESULTS_URL: `${sidecarUrl()}/`,
        ACTIONS_RUNTIME_TOKEN: JOB_TOKEN,
        GITHUB_WORKSPACE: workspace,
        RUNNER_TEMP: join(workspace, 'tmp'),
        RUNNER_DEBUG: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        log += chunk;
      });
    return new Promise((resolve, reject) => {
      child.once('close', (code) => {
        if (code !== 0) return reject(new Error(`the job ended with ${code}:\n${log.slice(-4000)}`));
        // Not the last line: a client that restores in parallel tells of its progress a little longer.
        const line = log.split('\n').findLast((one) => one.startsWith('[') && one.endsWith(']'));
        if (line === undefined) return reject(new Error(`the job told no results:\n${log.slice(-4000)}`));
        resolve({ results: JSON.parse(line) as unknown[], log });
      });
    });
  };

  return {
    path: workspace,
    run,
    async saveAndRestore(key, mebibytes, env) {
      const { results, log } = await run(
        [
          { do: 'make', mebibytes },
          { do: 'save', key },
          { do: 'remove' },
          { do: 'restore', key },
          { do: 'hash' },
        ],
        env,
      );
      const [made, id, , hit, restored] = results;
      expect(id, log.slice(-4000)).toBeGreaterThan(0);
      expect(hit, log.slice(-4000)).toBe(key);
      expect(restored).toBe(made);
      return log;
    },
    remove: () => rm(workspace, { recursive: true, force: true }),
  };
}
