import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NODE_FLAGS, PROGRAM_ENV } from '../../hack/program.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface RouterProcess {
  url: string;
  opsUrl: string;
  logged(): string;
  residentMiB(): Promise<number>;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
}

/** `harrier router` as a process of its own, on ports of its own. */
export async function startRouter(cellsFile: string, env: NodeJS.ProcessEnv = {}): Promise<RouterProcess> {
  const flags = [...NODE_FLAGS, '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, MAIN, 'router'], {
    env: {
      PATH: process.env.PATH,
      ...PROGRAM_ENV,
      HARRIER_CELLS_FILE: cellsFile,
      HARRIER_HOST: '127.0.0.1',
      HARRIER_PORT: '0',
      HARRIER_OPS_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  child.stderr.on('data', (text) => lines.push(String(text)));
  const { url, opsUrl } = await new Promise<{ url: string; opsUrl: string }>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (line.includes('"msg":"listening"')) resolve(JSON.parse(line));
    });
    child.once('exit', (code) => reject(new Error(`the router ended with ${code}:\n${lines.join('\n')}`)));
  });
  return {
    url,
    opsUrl,
    logged: () => lines.join('\n'),
    async residentMiB() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    },
    async stop() {
      const over = child.exitCode !== null || child.signalCode !== null;
      const ended = over ? Promise.resolve([child.exitCode]) : once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      return code;
    },
  };
}
