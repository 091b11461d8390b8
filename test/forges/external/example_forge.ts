import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../../hack/cluster/free_ports.ts';

const EXAMPLE = join(import.meta.dirname, '../../../examples/external-forge');

export interface ExampleForge {
  /** What spec.forge.url would be. */
  hook: string;
  queue(script: string, labels?: string[]): Promise<string>;
  job(id: string): Promise<{ state: string; exitCode?: number; output?: string; runner?: string }>;
  /** Starts the example's runner with these files; its folder goes when it has ended. */
  startRunner(files: Readonly<Record<string, string>>): Promise<ChildProcess>;
  stop(): Promise<void>;
}

/** The program of examples/external-forge as it stands there, and its runners. */
export async function startExampleForge(env: Record<string, string>): Promise<ExampleForge> {
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const running = new Set<ChildProcess>();

  function start(program: string, more: Record<string, string>): ChildProcess {
    const child = spawn(process.execPath, [join(EXAMPLE, program)], {
      env: { PATH: process.env.PATH, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  const server = start('server.mjs', { PORT: String(port), JOBS_TOKEN: 'of-the-jobs', ...env });
  await new Promise<void>((resolve, reject) => {
    server.stdout?.once('data', () => resolve());
    server.once('exit', (code) => reject(new Error(`the example ended with ${code}`)));
  });

  async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
    const answer = await fetch(url + path, { ...init, headers: { authorization: 'Bearer of-the-jobs' } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return (await answer.json()) as T;
  }

  return {
    hook: `${url}/harrier`,
    queue: async (script, labels = ['linux']) =>
      (await ask<{ id: string }>('/jobs', { method: 'POST', body: JSON.stringify({ script, labels }) })).id,
    job: (id) => ask(`/jobs/${id}`),
    async startRunner(files) {
      const folder = await mkdtemp(join(tmpdir(), 'harrier-example-runner-'));
      for (const [name, text] of Object.entries(files))
        await writeFile(join(folder, name), text, { mode: 0o400 });
      const runner = start('runner.mjs', { HARRIER_JOIN_DIR: folder });
      runner.once('exit', () => void rm(folder, { recursive: true, force: true }));
      return runner;
    },
    async stop() {
      await Promise.all(
        [...running].map(
          (child) =>
            new Promise((resolve) => {
              child.once('exit', resolve);
              child.kill('SIGKILL');
            }),
        ),
      );
    },
  };
}
