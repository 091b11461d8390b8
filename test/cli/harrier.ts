import { spawn } from 'node:child_process';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

export interface Running {
  /** What it has printed so far. */
  out(): string;
  /** SIGINT, as Ctrl-C sends it. */
  interrupt(): Promise<Ended>;
  ended: Promise<Ended>;
}

export interface Surroundings {
  env?: Record<string, string>;
  /** For its standard input. */
  input?: string;
  /** Options for Node itself. */
  node?: readonly string[];
  /** Which group of commands; token by default. */
  program?: 'token' | 'cache';
  /** The program; the sources by default. */
  main?: string;
}

/** `harrier token …` as a person runs it: a process of its own, with nothing of our environment. */
export function harrier(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  return start(args, surroundings).ended;
}

export function start(
  args: readonly string[],
  { env = {}, input = '', node = [], program = 'token', main = MAIN }: Surroundings = {},
): Running {
  const child = spawn(process.execPath, [...node, main, program, ...args], {
    env: { PATH: process.env.PATH, HOME: '/nowhere', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  // One that ends without reading its input is judged by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  return {
    out: () => out,
    interrupt: () => {
      child.kill('SIGINT');
      return ended;
    },
    ended,
  };
}
