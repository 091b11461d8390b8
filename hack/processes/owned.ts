import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { identify, isAlive, type ProcessIdentity, processIdentitySchema } from './identity.ts';

/**
 * Processes that belong to a folder: they outlive whoever started them, and can be found and ended later.
 * Each carries the folder in its environment, so that one whose starter was killed between
 * the start and the record is found too.
 */
const MARKER = 'HARRIER_OWNING_FOLDER';

const ownedProcessSchema = processIdentitySchema.extend({ name: z.string() });
export type OwnedProcess = z.infer<typeof ownedProcessSchema>;

export interface StartOptions {
  folder: string;
  /** Names the log: <folder>/logs/<name>.log. */
  name: string;
  program: string;
  args: readonly string[];
  env?: Record<string, string>;
  /** A network namespace under /var/run/netns to start it in. */
  netns?: string | undefined;
}

export function startOwned(options: StartOptions): OwnedProcess {
  const { folder, name } = options;
  mkdirSync(join(folder, 'logs'), { recursive: true });
  // nsenter and not `ip netns exec`: that mounts a new /sys over the cgroup tree, where the kubelet finds nothing.
  const command =
    options.netns === undefined
      ? [options.program, ...options.args]
      : ['nsenter', `--net=/var/run/netns/${options.netns}`, '--', options.program, ...options.args];
  const log = openSync(logFile(folder, name), 'a');
  try {
    const child = spawn(command[0] as string, command.slice(1), {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...options.env, [MARKER]: folder },
    });
    // That it could not be started shows in its missing pid, at once; the event comes later, to nobody.
    child.once('error', () => {});
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined)
      throw new Error(`${name} did not start: ${command[0]} ${logTail(folder, name)}`);
    const started = { ...identity, name };
    appendFileSync(recordFile(folder), `${JSON.stringify(started)}\n`);
    return started;
  } finally {
    closeSync(log);
  }
}

/** Those of the folder's processes that were recorded and still live. */
export function listOwned(folder: string): OwnedProcess[] {
  return recorded(folder).filter(isAlive);
}

/** True when every process that was recorded still lives, and there is one. */
export function allOwnedAlive(folder: string): boolean {
  const all = recorded(folder);
  return all.length > 0 && all.every(isAlive);
}

/** Ends every process that belongs to the folder or one below it, by SIGTERM and after the grace by SIGKILL; answers how many there were. */
export async function stopOwned(folder: string, graceMs = 0): Promise<number> {
  const ended = new Set<number>();
  const deadline = Date.now() + graceMs;
  for (;;) {
    const left = found(folder);
    if (left.length === 0) return ended.size;
    const signal = Date.now() < deadline ? 'SIGTERM' : 'SIGKILL';
    for (const { pid } of left) {
      if (signal === 'SIGTERM' && ended.has(pid)) continue;
      ended.add(pid);
      kill(pid, signal);
    }
    await sleep(50);
  }
}

/** The end of a process's log, for an error message. */
export function logTail(folder: string, name: string, lines = 12): string {
  const file = logFile(folder, name);
  if (!existsSync(file)) return '(no log)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

function found(folder: string): ProcessIdentity[] {
  const byPid = new Map<number, ProcessIdentity>(listOwned(folder).map((owned) => [owned.pid, owned]));
  for (const marked of markedProcesses(folder)) byPid.set(marked.pid, marked);
  byPid.delete(process.pid);
  return [...byPid.values()];
}

function markedProcesses(folder: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  const exact = `${MARKER}=${folder}`;
  const isMarked = (line: string) => line === exact || line.startsWith(`${exact}/`);
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => environment(pid).some(isMarked))
    .map((pid) => identify(Number(pid)))
    .filter((identity) => identity !== undefined);
}

function environment(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function recorded(folder: string): OwnedProcess[] {
  if (!existsSync(recordFile(folder))) return [];
  return readFileSync(recordFile(folder), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(parseRecord)
    .filter((record) => record !== undefined);
}

/** A line cut short by kill -9 is no record; the marker finds its process. */
function parseRecord(line: string): OwnedProcess | undefined {
  try {
    return ownedProcessSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const recordFile = (folder: string) => join(folder, 'processes.jsonl');
const logFile = (folder: string, name: string) => join(folder, 'logs', `${name}.log`);
