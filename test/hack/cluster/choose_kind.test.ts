import { describe, expect, test } from 'vitest';
import { chooseKind, NoClusterPossible } from '../../../hack/cluster/choose_kind.ts';

const reasons = (noDocker?: string, noNode?: string) => ({
  noDocker: async () => noDocker,
  noNode: async () => noNode,
});

describe('the kind of cluster that a machine can have', () => {
  test.each([
    ['Docker and root', reasons(), 'kind'],
    ['Docker alone', reasons(undefined, 'a real node needs root'), 'kind'],
    ['root alone', reasons('there is no docker command'), 'local'],
  ])('%s', async (_, given, wanted) => {
    expect(await chooseKind(given)).toBe(wanted);
  });

  test('neither: the error says what each lacks, and what to do', async () => {
    const choice = chooseKind(reasons('the Docker daemon does not answer', 'a real node needs root'));
    await expect(choice).rejects.toThrow(NoClusterPossible);
    await expect(choice).rejects.toThrow(/Docker daemon does not answer.*needs root.*CLUSTER=current/);
  });
});
