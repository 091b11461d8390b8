import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../hack/run/command.ts';
import { useCluster } from '../support/cluster.ts';
import { commandsOf } from './commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const commands = commandsOf(readFileSync(join(ROOT, 'README.md'), 'utf8'));
const cluster = useCluster();

/** In a shell, at the checkout's root, with this cluster as the current one and kubectl and helm on the path. */
const shell = (command: string) =>
  run('bash', ['-ec', command], {
    cwd: ROOT,
    env: {
      KUBECONFIG: cluster.kubeconfig,
      // Not the name that a `make run` by hand on this machine has.
      HARRIER_CLUSTER: 'readme',
      PATH: `${dirname(process.env.HARRIER_TEST_KUBECTL ?? '')}:${process.env.PATH}`,
    },
  });

afterAll(() => shell('kubectl -n runners delete rp --all --timeout=60s'));

describe('README.md', () => {
  it('names the test command that CI runs', () => {
    expect(readFileSync(join(ROOT, '.ci/run'), 'utf8')).toContain('make test');
    expect(commands).toContain('make test');
  });

  // `make test` is what is running; everything else runs here, in the order in which it is read.
  for (const command of commands.filter((one) => one !== 'make test'))
    it(`runs: ${command}`, async () => {
      const printed = await shell(command);
      if (command === 'make run') {
        expect(printed).toMatch(/restored\s+67108864 bytes .*: hit, the same bytes/);
        expect(printed).toMatch(/refused\s+the token of \S+ [\d.]+ ms after/);
      }
    }, 300_000);
});
