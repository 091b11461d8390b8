import { spawn } from 'node:child_process';
import { RUNTIME_TOKEN_PLACEHOLDER } from '../../src/controller/pool/runner_environment.ts';

export interface Outcome {
  ok: boolean;
  /** Key of the entry that was found. */
  key?: string;
  /** Why not, in the client's own words for it. */
  kind?: string;
  detail?: string;
  /** Size of what was read, written or found. */
  bytes?: number;
}

/** Runs a client's program as a step of a job would; answers the line that it prints, and what it says beside it. */
export function runClient(
  program: string,
  sidecarUrl: string,
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome & { said: string }> {
  const child = spawn(program, words, {
    env: {
      PATH: process.env.PATH ?? '',
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_CACHE_URL: `${sidecarUrl}/`,
      ACTIONS_RESULTS_URL: `${sidecarUrl}/`,
      ACTIONS_RUNTIME_TOKEN: RUNTIME_TOKEN_PLACEHOLDER,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let said = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`${words.join(' ')} ended with ${code}:\n${printed}${said}`));
      resolve({ ...(JSON.parse(printed) as Outcome), said });
    });
  });
}
