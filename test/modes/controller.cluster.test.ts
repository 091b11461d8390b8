import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunnerPoolKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { type ControllerProcess, startController } from '../controller/controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../controller/pool_in_cluster.ts';
import { useCluster } from '../support/cluster.ts';

const cluster = useCluster();
let client: KubeClient;
let leader: ControllerProcess;
let standby: ControllerProcess;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  leader = startController({ kubeconfig: cluster.kubeconfig, namespace: cluster.namespace });
  await eventually('the leader', async () => leads(leader));
  standby = startController({ kubeconfig: cluster.kubeconfig, namespace: cluster.namespace });
});

afterAll(async () => {
  await Promise.all([leader.kill('SIGTERM'), standby.kill('SIGTERM')]);
  await client.close();
});

function leads({ output }: ControllerProcess): boolean {
  return output().includes('this process leads');
}

/** GET of a path on the ops port, which the process says when it has it. */
async function ops(controller: ControllerProcess, path: string): Promise<{ status: number; text: string }> {
  const port = await eventually('the ops port', async () => /"opsPort":(\d+)/.exec(controller.output())?.[1]);
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, text: await answer.text() };
}

describe('harrier controller', () => {
  it('is ready as leader and as standby once its stores are filled', async () => {
    for (const controller of [leader, standby]) {
      expect((await ops(controller, '/healthz')).status).toBe(200);
      await eventually('readiness', async () => (await ops(controller, '/readyz')).status === 200);
    }
    expect(leads(standby)).toBe(false);
  });

  it('counts runners, reconciles and watch events', async () => {
    await client.create(RunnerPoolKind, poolManifest(cluster.namespace, 'counted', { replicas: 2 }));
    const pool = new PoolInCluster(client, cluster.namespace, 'counted');
    const [first] = await eventually('two runners with tokens', async () => {
      const active = (await pool.tokens()).filter(
        (one) => one.spec.type === 'Runtime' && one.status?.phase === 'Active',
      );
      return active.length === 2 && active.map((one) => one.metadata.name);
    });
    await pool.report(first ?? '', 'Idle');
    const labels = `{namespace="${cluster.namespace}",pool="counted"}`;
    const text = await eventually('the idle runner in the metrics', async () => {
      const metrics = (await ops(leader, '/metrics')).text;
      return metrics.includes(`harrier_pool_idle${labels} 1`) && metrics;
    });
    expect(text).toContain(`harrier_pool_desired${labels} 2`);
    expect(text).toMatch(/harrier_reconcile_duration_seconds_count\{loop="pool",result="\w+"\} \d+/);
  });

  it('hands over when it is told to stop', async () => {
    const began = performance.now();
    await leader.kill('SIGTERM');
    await eventually('the other one leads', async () => leads(standby));
    const tookMs = performance.now() - began;
    expect(tookMs).toBeLessThan(8_000);
    await cluster.kubectl('scale', 'rp/counted', '--replicas=3');
    const pool = new PoolInCluster(client, cluster.namespace, 'counted');
    await eventually('a third runner', async () => (await pool.live()).length === 3);
  });
});
