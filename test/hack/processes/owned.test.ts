import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identify, isAlive } from '../../../hack/processes/identity.ts';
import { allOwnedAlive, listOwned, logTail, startOwned, stopOwned } from '../../../hack/processes/owned.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'harrier-owned-'));
});
afterEach(async () => {
  await stopOwned(folder);
  rmSync(folder, { recursive: true, force: true });
});

const shell = (name: string, script: string) =>
  startOwned({ folder, name, program: '/bin/sh', args: ['-c', script] });

describe('processes that belong to a folder', () => {
  test('are listed while they live, and ended', async () => {
    const owned = shell('sleeper', 'sleep 100');
    expect(listOwned(folder)).toEqual([owned]);
    expect(allOwnedAlive(folder)).toBe(true);
    expect(await stopOwned(folder)).toBeGreaterThanOrEqual(1);
    expect(isAlive(owned)).toBe(false);
    expect(allOwnedAlive(folder)).toBe(false);
  });

  test.runIf(process.platform === 'linux')('are ended with their children, recorded or not', async () => {
    // No other run of these tests on this machine sleeps for so long.
    const seconds = `${1_000_000 + process.pid}`;
    shell('parent', `sleep ${seconds} & wait`);
    await expect.poll(() => pidsWith(seconds).length).toBe(1);
    await stopOwned(folder);
    expect(pidsWith(seconds)).toEqual([]);
  });

  test('have time to end by themselves when a grace is given', { timeout: 60_000 }, async () => {
    shell('polite', 'trap "echo bye; exit" TERM; echo ready; while :; do sleep 0.05; done');
    await expect.poll(() => logTail(folder, 'polite')).toBe('ready');
    await stopOwned(folder, 30_000);
    expect(logTail(folder, 'polite')).toMatch(/^ready\n(?:Terminated\n)?bye$/);
  });

  test('a record whose pid is now another process ends nobody', async () => {
    const stranger = spawn('sleep', ['100']);
    await once(stranger, 'spawn');
    const { pid } = stranger;
    appendFileSync(
      join(folder, 'processes.jsonl'),
      `${JSON.stringify({ pid, startedAt: '1', name: 'gone' })}\n`,
    );
    expect(await stopOwned(folder)).toBe(0);
    expect(identify(pid as number)).toBeDefined();
    stranger.kill();
  });

  test('a record cut short by a kill is passed over', () => {
    appendFileSync(join(folder, 'processes.jsonl'), '{"pid": 1');
    expect(listOwned(folder)).toEqual([]);
  });

  test('a program that is not there is an error with its path', () => {
    expect(() => startOwned({ folder, name: 'none', program: '/no/such/program', args: [] })).toThrow(
      /none did not start: \/no\/such\/program/,
    );
  });
});

function pidsWith(argument: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`\0${argument}\0`);
    } catch {
      return false;
    }
  });
}
