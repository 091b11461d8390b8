import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { poolMetrics } from '../../src/controller/pool_metrics.ts';
import { runnerPoolStatus } from '../../src/resources/runner_pool_status.ts';
import { aPool } from '../tokens/builders.ts';

it('tells of each pool how many runners there are, and of the queue only what is known', async () => {
  const registry = new Registry();
  const pool = aPool();
  const known = {
    ...pool,
    metadata: { ...pool.metadata, name: 'known' },
    spec: { ...pool.spec, replicas: 5 },
    status: runnerPoolStatus.parse({ idleReplicas: 2, busyReplicas: 3, queued: 4 }),
  };
  const unknown = {
    ...known,
    metadata: { ...pool.metadata, name: 'unknown' },
    status: runnerPoolStatus.parse({}),
  };
  poolMetrics(registry, () => [known, unknown]);
  const text = await registry.metrics();
  const of = (name: string) => `{namespace="${pool.metadata.namespace}",pool="${name}"}`;
  expect(text).toContain(`harrier_pool_desired${of('known')} 5`);
  expect(text).toContain(`harrier_pool_idle${of('known')} 2`);
  expect(text).toContain(`harrier_pool_busy${of('known')} 3`);
  expect(text).toContain(`harrier_pool_queued${of('known')} 4`);
  expect(text).not.toContain(`harrier_pool_queued${of('unknown')}`);
});
