import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIENCE, ISSUER } from '../tokens/builders.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface ApiProcess {
  url: string;
  opsUrl: string;
  /** Where webhooks alone are taken, and where KEDA is answered (host:port), if it was told to. */
  webhooksUrl?: string;
  kedaAddress?: string;
  pid: number;
  /** Its log so far. */
  logged(): string;
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
}

export interface ApiProcessOptions {
  kubeconfig: string;
  /** Harrier's own namespace. */
  namespace: string;
  runners: string;
  env?: Record<string, string>;
  /** The program; the sources by default. */
  main?: string;
  /** Whether to wait until /readyz says so; else it returns as soon as the process listens. */
  ready?: boolean;
}

/** `harrier api` as a process of its own, on ports of its own. */
export async function startApi(options: ApiProcessOptions): Promise<ApiProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), 'harrier-api-'));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', options.main ?? MAIN, 'api'],
    {
      env: {
        PATH: process.env.PATH,
        KUBECONFIG: options.kubeconfig,
        HARRIER_NAMESPACE: options.namespace,
        HARRIER_WATCH_NAMESPACES: options.runners,
        HARRIER_ISSUER: ISSUER,
        HARRIER_AUDIENCE: AUDIENCE,
        HARRIER_HOST: '127.0.0.1',
        HARRIER_PORT: '0',
        HARRIER_OPS_PORT: '0',
        HARRIER_DATA_DIR: dataDir,
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  child.stderr.on('data', (text) => lines.push(String(text)));
  const places = await listening(child, lines);
  const { url } = places;
  if (options.ready !== false) await untilReady(url, lines);
  return {
    ...places,
    pid: child.pid ?? 0,
    logged: () => lines.join('\n'),
    async stop() {
      const over = child.exitCode !== null || child.signalCode !== null;
      const ended = over ? Promise.resolve([child.exitCode]) : once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await ended;
      await rm(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

type Places = Pick<ApiProcess, 'url' | 'opsUrl' | 'webhooksUrl' | 'kedaAddress'>;

function listening(child: ChildProcess, lines: string[]): Promise<Places> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('the api has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (!line.includes('"msg":"listening"')) return;
      const { url, opsUrl, webhooksUrl, kedaAddress } = JSON.parse(line);
      resolve({ url, opsUrl, webhooksUrl, kedaAddress });
    });
    child.once('exit', (code) => reject(new Error(`the api ended with ${code}:\n${lines.join('\n')}`)));
  });
}

async function untilReady(url: string, lines: string[]): Promise<void> {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const answer = await fetch(`${url}/readyz`);
    if (answer.status === 200) return;
    if (Date.now() > deadline)
      throw new Error(`not ready: ${await answer.text()}\n${lines.slice(-5).join('\n')}`);
    await sleep(50);
  }
}
