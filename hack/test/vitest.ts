import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../run/command.ts';
import { type Tally, tally } from './tally.ts';

export type Suite = 'unit' | 'cluster' | 'node';

const ROOT = join(import.meta.dirname, '../..');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const SILENCE_MS = 2000;

/** Runs files of one project of vitest.config.ts with its output passed on; never silent for more than two seconds. */
export async function runSuite(
  suite: Suite,
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'harrier-test-'));
  try {
    const report = join(folder, 'report.json');
    const child = spawn(
      process.execPath,
      [
        VITEST,
        'run',
        ...files,
        ...['--project', suite],
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
      ],
      { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], signal },
    );
    const exitCode = await passOn(child, suite);
    return tally(readIfThere(report), exitCode);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The tests of a suite, counted without running them. */
export async function countTests(suite: Suite, files: readonly string[]): Promise<number> {
  const listed = await run(process.execPath, [VITEST, 'list', ...files, '--project', suite, '--json'], {
    cwd: ROOT,
  });
  return (JSON.parse(listed) as unknown[]).length;
}

async function passOn(child: ChildProcess, suite: Suite): Promise<number | null> {
  const started = Date.now();
  let heard = Date.now();
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from?.on('data', (chunk: Buffer) => {
      heard = Date.now();
      to.write(chunk);
    });
  }
  const beat = setInterval(() => {
    if (Date.now() - heard < SILENCE_MS) return;
    heard = Date.now();
    console.log(`  … ${suite} tests run (${Math.round((Date.now() - started) / 1000)} s)`);
  }, 500);
  try {
    return await new Promise((resolve) => {
      child.once('error', () => resolve(null));
      child.once('close', resolve);
    });
  } finally {
    clearInterval(beat);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
