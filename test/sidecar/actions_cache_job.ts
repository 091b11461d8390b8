/**
 * A job's step with the unmodified @actions/cache, in a process of its own since the client reads its environment
 * once. Arguments: JSON of what to do. The last line of its output is the JSON of what came back. CACHE_CLIENT names
 * the package where it shall not be the current major.
 */
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';

export interface Step {
  do: 'make' | 'save' | 'restore' | 'remove' | 'hash';
  key?: string;
  restoreKeys?: string[];
  mebibytes?: number;
}

const { restoreCache, saveCache } = (await import(
  process.env.CACHE_CLIENT ?? '@actions/cache'
)) as typeof import('@actions/cache');

const steps = JSON.parse(process.argv[2] ?? '[]') as Step[];
const FOLDER = 'payload';
const FILE = `${FOLDER}/bytes`;
const results: unknown[] = [];

for (const step of steps) results.push(await perform(step));
process.stdout.write(`\n${JSON.stringify(results)}\n`);

async function perform(step: Step): Promise<unknown> {
  switch (step.do) {
    case 'make':
      return makeRandomFile(step.mebibytes ?? 1);
    case 'save':
      return saveCache([FOLDER], step.key ?? '');
    case 'restore':
      return (await restoreCache([FOLDER], step.key ?? '', step.restoreKeys)) ?? null;
    case 'remove':
      return rmSync(FOLDER, { recursive: true });
    case 'hash':
      return createHash('sha256').update(readFileSync(FILE)).digest('hex');
  }
}

/** Random, so that the client's compression doesn't make it small. */
function makeRandomFile(mebibytes: number): string {
  mkdirSync(FOLDER, { recursive: true });
  const file = openSync(FILE, 'w');
  const hash = createHash('sha256');
  const block = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < mebibytes; i++) {
    randomFillSync(block);
    hash.update(block);
    writeSync(file, block);
  }
  closeSync(file);
  return hash.digest('hex');
}
