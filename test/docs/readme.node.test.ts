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
      // A KUBECONFIG would tell `make run` that the cluster is somebody else's, which no image can be loaded into.
      ...(command === 'make run' ? ownCluster() : { KUBECONFIG: cluster.kubeconfig }),
      PATH: `${dirname(process.env.HARRIER_TEST_KUBECTL ?? '')}:${process.env.PATH}`,
    },
  });

/** The cluster of this suite, and not the one that a `make run` by hand on this machine has. */
function ownCluster(): Record<string, string> {
  const name = process.env.HARRIER_TEST_CLUSTER;
  if (name === undefined)
    throw new Error('HARRIER_TEST_CLUSTER is to name the cluster of HARRIER_TEST_KUBECONFIG');
  return { HARRIER_CLUSTER: name, KUBECONFIG: process.env.KUBECONFIG ?? '' };
}

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
