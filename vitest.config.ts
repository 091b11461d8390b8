import { defineConfig } from 'vitest/config';

/** `expect.poll` waits for what other processes do, and its own limit of a second is less than one may stand still. */
const expect = { poll: { timeout: 15_000 } };

/**
 * Three suites by file name: `x.test.ts` needs nothing but Node, `x.cluster.test.ts` a real kube-apiserver,
 * `x.node.test.ts` a cluster whose node runs pods, with Harrier installed from its chart.
 * hack/test.ts starts what each needs and hands over the kubeconfig in HARRIER_TEST_KUBECONFIG.
 * Limits are for what hangs: most tests take milliseconds, and on a busy machine ten times as long.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.{cluster,node}.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/**/*.cluster.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'node',
          include: ['test/**/*.node.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
});
