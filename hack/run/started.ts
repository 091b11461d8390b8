import { type ChildProcess, spawn } from 'node:child_process';

/** A process of our own that ends when it is disposed of. */
export interface Started extends AsyncDisposable {
  pid: number;
  /** The last lines it wrote, for an error's message. */
  words(): string;
  /** Resolves to the first line that matches, or throws with its words when it ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
}

const KEPT_LINES = 40;

export function start(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = process.cwd(),
): Started {
  const child: ChildProcess = spawn(file, args, {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const listen = (text: string) => {
    for (const line of text.split('\n')) {
      lines.push(line);
      for (const one of waiting) one(line);
    }
    lines.splice(0, lines.length - KEPT_LINES);
  };
  child.stdout?.setEncoding('utf8').on('data', listen);
  child.stderr?.setEncoding('utf8').on('data', listen);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const words = () => lines.join('\n');
  return {
    pid: child.pid ?? 0,
    words,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (line: string) => {
          const match = pattern.exec(line);
          if (match === null) return;
          waiting.delete(check);
          resolve(match);
        };
        for (const line of lines) check(line);
        waiting.add(check);
        void exited.then(() => reject(new Error(`${file} ${args.join(' ')} ended:\n${words()}`)));
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}
