import { spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

/**
 * `harrier controller` as it really runs: its own process, configured by its environment. One that ended itself since it
 * could not renew its Lease, as on a machine with too much to do, is started again, as kubelet would.
 */
export interface ControllerProcess {
  readonly pid: number;
  /** All it has printed so far. */
  output(): string;
  /** Resolves when it has ended and all that it printed is in `output`. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

interface Life {
  readonly pid: number;
  readonly ended: Promise<{ lostLease: boolean }>;
  signal(signal: NodeJS.Signals): void;
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
  let output = '';
  let killed = false;
  let life = begin();

  function begin(): Life {
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
    const from = output.length;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    // Not 'exit', after which some of the output may still be on its way.
    const ended = new Promise<{ lostLease: boolean }>((resolve) =>
      child.once('close', (code) =>
        resolve({ lostLease: code === 1 && output.slice(from).includes('the lease is lost') }),
      ),
    );
    void ended.then(({ lostLease }) => {
      if (lostLease && !killed) life = begin();
    });
    return { pid: child.pid ?? 0, ended, signal: (signal) => void child.kill(signal) };
  }

  return {
    get pid() {
      return life.pid;
    },
    output: () => output,
    async kill(signal) {
      killed = true;
      life.signal(signal);
      await life.ended;
    },
  };
}
