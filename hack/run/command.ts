import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** Runs a program to its end and answers what it printed; a failure's message has the command and its last words. */
export async function run(
  file: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string; timeoutMs?: number } = {},
): Promise<string> {
  const pending = execFileAsync(file, args, {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    timeout: options.timeoutMs ?? 600_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  // A program that ends without reading its input is no failure of ours: its exit code tells.
  pending.child.stdin?.on('error', () => {});
  pending.child.stdin?.end(options.input ?? '');
  try {
    return (await pending).stdout;
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string };
    const said = [stdout, stderr].filter(Boolean).join('\n') || String(error);
    const words = said.trim().split('\n').slice(-15).join('\n  ');
    throw new Error(`${[file.split('/').pop(), ...args].join(' ')} failed:\n  ${words}`);
  }
}

/** `kubectl port-forward` on a free local port, for as long as the answer is not disposed of. */
export async function portForward(
  kubectl: string,
  kubeconfig: string,
  namespace: string,
  target: string,
  remotePort: number,
): Promise<{ url: string } & AsyncDisposable> {
  const child = spawn(
    kubectl,
    [
      '--kubeconfig',
      kubeconfig,
      '-n',
      namespace,
      'port-forward',
      '--address',
      '127.0.0.1',
      target,
      `:${remotePort}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(line);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
    void exited.then(() => reject(new Error(`kubectl port-forward ${target} ended: ${said.trim()}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}
