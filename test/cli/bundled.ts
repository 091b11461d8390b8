import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { bundle } from '../../hack/bundle.ts';
import { type Ended, type Running, type Surroundings, start } from './harrier.ts';

const ROOT = join(import.meta.dirname, '../..');

/** `harrier token` as it is installed: bundled, it starts in a quarter of the time that the sources take. */
export interface Bundled {
  readonly main: string;
  run(args: readonly string[], surroundings?: Surroundings): Promise<Ended>;
  start(args: readonly string[], surroundings?: Surroundings): Running;
}

/** To be called at the top of a test file. */
export function useBundle(): Bundled {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'harrier-cli-'));
    await bundle({ outFolder: relative(ROOT, folder) });
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const begin: Bundled['start'] = (args, surroundings) =>
    start(args, { ...surroundings, main: join(folder, 'main.js') });
  return {
    get main() {
      return join(folder, 'main.js');
    },
    start: begin,
    run: (args, surroundings) => begin(args, surroundings).ended,
  };
}
