import { expect, it } from 'vitest';
import { createLastWords } from '../../../src/controller/pool/last_words.ts';
import { KubeError } from '../../../src/kube/errors.ts';

const runner = { name: 'linux-a', uid: 'a' };

it('reads the end of the runner’s log once, and gives no secret of it away', async () => {
  const asked: unknown[] = [];
  const lastWords = createLastWords({
    podLog: async (namespace, name, { signal: _, ...options }) => {
      asked.push([namespace, name, options]);
      return 'registering with glrt-abcdefgh12345678\nconnection refused\n';
    },
  });
  for (let look = 0; look < 3; look += 1)
    expect(await lastWords('ci', runner)).toBe('registering with [token] | connection refused');
  expect(asked).toEqual([['ci', 'linux-a', { container: 'runner', tailLines: 5, limitBytes: 4_096 }]]);
});

it('holds nobody up where there is no log to read', async () => {
  const of = { verb: 'GET', plural: 'pods/log', object: 'ci/linux-a' };
  const lastWords = createLastWords({
    podLog: async () => {
      throw new KubeError('forbidden', of, '403');
    },
  });
  expect(await lastWords('ci', runner)).toBeUndefined();
});
