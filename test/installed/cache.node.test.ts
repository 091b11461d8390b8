import { afterAll, beforeAll, expect, it } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { poolsOn } from './pool_on_node.ts';

const cluster = useCluster();
const pools = poolsOn(cluster);
const last = (printed: string) => JSON.parse(printed.trim().split('\n').at(-1) ?? '');

let saver = '';
let restorer = '';
beforeAll(async () => {
  await pools.apply('cached', { replicas: 2 });
  [saver = '', restorer = ''] = await pools.runners('cached', 2);
});
afterAll(() => pools.remove());

it('gives a job in one pod what the unmodified @actions/cache saved in another, and replaces both pods', async () => {
  const saved = last(await pools.inRunner(saver, 'node', '/job/take.mjs', 'save', 'e2e', '16'));
  expect(saved).toMatchObject({ saved: true, bytes: 16 * 2 ** 20 });
  const restored = last(await pools.inRunner(restorer, 'node', '/job/take.mjs', 'restore', 'e2e'));
  expect(restored).toMatchObject({ hit: true, intact: true, bytes: 16 * 2 ** 20, sha256: saved.sha256 });

  const next = await pools.runners('cached', 2);
  expect(next).not.toContain(saver);
  expect(next).not.toContain(restorer);
});
