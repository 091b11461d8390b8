import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** `harrier controller` as it really runs: its own process, configured by its environment. */
export interface ControllerProcess {
  readonly pid: number;
  /** All it has printed so far. */
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export function startController(options: {
  kubeconfig: string;
  /** Its own namespace and, by default, that of the pools. */
  namespace: string;
  watch?: readonly string[];
  env?: Record<string, string>;
  /** The program, by default the sources. */
  main?: string;
}): ControllerProcess {
  const child = spawn(process.execPath, [options.main ?? MAIN, 'controller'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: options.kubeconfig,
      HARRIER_NAMESPACE: options.namespace,
      HARRIER_WATCH_NAMESPACES: (options.watch ?? [options.namespace]).join(','),
      HARRIER_ISSUER: 'https://harrier.example.test',
      HARRIER_API_URL: 'http://harrier-api.test:8080',
      HARRIER_IMAGE: 'harrier.example.test/harrier:test',
      HARRIER_OPS_PORT: '0',
      ...options.env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const exited = exitOf(child);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    async kill(signal) {
      child.kill(signal);
      await exited;
    },
  };
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
