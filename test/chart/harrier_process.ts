import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import type { TestCluster } from '../support/cluster.ts';
import type { Manifest } from './chart.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface HarrierProcess {
  /** All that it logged so far. */
  log(): string;
  /** SIGTERM; answers the exit code, or the signal's name where it had to be killed. */
  stop(): Promise<number | string | null>;
}

/** Starts a mode here, on the machine of the test, with the environment that its Deployment gives it. */
export function startHarrier(mode: string, env: Record<string, string>): HarrierProcess {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, mode], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk;
    });
  return {
    log: () => log,
    async stop() {
      if (child.exitCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      const [code, signal] = await ended;
      clearTimeout(killer);
      return code ?? signal;
    },
  };
}

/** The environment of the Deployment's one container, its references to the pod's own fields resolved. */
export function containerEnvironment(deployment: Manifest): Record<string, string> {
  const fields: Record<string, string> = {
    'metadata.namespace': deployment.metadata.namespace ?? '',
    'metadata.name': `${deployment.metadata.name}-0`,
  };
  const [container] = deployment.spec.template.spec.containers;
  const env = container.env as { name: string; value?: string; valueFrom?: Manifest }[];
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [name, value ?? fields[valueFrom?.fieldRef.fieldPath] ?? '']),
  );
}

/** Writes a kubeconfig with which one is the service account and nothing more; answers its path. */
export async function kubeconfigOf(cluster: TestCluster, account: string, folder: string): Promise<string> {
  const config = parse(await cluster.kubectl('config', 'view', '--raw', '--flatten', '--minify'));
  const token = (await cluster.kubectl('create', 'token', account, '--duration=1h')).trim();
  for (const user of config.users) user.user = { token };
  const path = join(folder, `${account}.kubeconfig`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

/** Tries until it no longer throws, at most so long; then its last error, with what `told` adds. */
export async function eventually<T>(
  attempt: () => Promise<T>,
  withinMs: number,
  told: () => string,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${(error as Error).message}\n${told()}`, { cause: error });
      await sleep(200);
    }
  }
}
