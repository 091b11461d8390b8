import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that is killed and started again on its port, any number of times. */
export interface Killable {
  readonly name: string;
  /** SIGKILL, and another one in its place; resolves when that serves. */
  killAndStart(): Promise<void>;
  /** SIGTERM, for good. */
  stop(): Promise<void>;
}

/** @param start Resolves when the program serves. */
export async function killable(name: string, start: () => Promise<ChildProcess>): Promise<Killable> {
  let child = await start();
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  return {
    name,
    async killAndStart() {
      await end('SIGKILL');
      child = await start();
    },
    stop: () => end('SIGTERM'),
  };
}

/**
 * Kills one of them at a time until `done`, each time in the middle of work: when a random number of requests more has
 * been sent, however fast this machine is. Answers how often each died.
 */
export async function killAtRandom(
  programs: readonly Killable[],
  done: Promise<unknown>,
  requests: () => number,
  between: { least: number; most: number },
): Promise<Record<string, number>> {
  const killed: Record<string, number> = {};
  let over = false;
  void done.finally(() => {
    over = true;
  });
  for (;;) {
    const next = requests() + between.least + Math.random() * (between.most - between.least);
    while (!over && requests() < next) await sleep(1 + Math.random() * 10);
    if (over) return killed;
    const program = programs[Math.floor(Math.random() * programs.length)];
    if (program === undefined) throw new Error('there is nothing to kill');
    await program.killAndStart();
    killed[program.name] = (killed[program.name] ?? 0) + 1;
  }
}
