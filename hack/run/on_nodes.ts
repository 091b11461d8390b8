import type { Cluster } from '../cluster/cluster.ts';
import { installHarrier, SYSTEM_NAMESPACE } from '../install.ts';
import { step } from '../progress.ts';
import { portForward } from './command.ts';
import { cacheJob, takeInPod } from './job.ts';
import { firstPool, idleRunners } from './pool.ts';
import { tokenRefusal } from './refusal.ts';
import type { Tell } from './report.ts';
import { settledAfterUpgrade } from './settled.ts';

/** The whole of it where pods run: the chart, a pool, a job through it, a runner's end. */
export async function onNodes(cluster: Cluster, tell: Tell): Promise<boolean> {
  await step('the image and the chart', (note) => installHarrier(cluster, note));
  await step('a pool of 3', async (note) => {
    await settledAfterUpgrade(cluster, note);
    await firstPool(cluster, note);
  });
  const outcome = await step('a job saves 64 MiB in one runner, another restores them', (note) =>
    cacheJob(cluster, takeInPod(cluster), note),
  );
  const refusal = await step("a runner's pod is deleted", async (note) => {
    await using api = await portForward(
      cluster.kubectl,
      cluster.kubeconfig,
      SYSTEM_NAMESPACE,
      'service/harrier-api',
      80,
    );
    return await tokenRefusal(cluster, api.url, note);
  });
  await step('the pool fills up again', (note) => idleRunners(cluster, 3, note));
  return await tell({ ...outcome, refusal });
}
