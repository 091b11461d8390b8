import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secretHeadKind } from '../../../src/controller/kinds.ts';
import { runnerName } from '../../../src/controller/pool/runner_name.ts';
import { EventKind, RunnerPoolKind } from '../../../src/kube/kinds.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { tokenSecretName } from '../../../src/resources/group.ts';
import { useCluster } from '../../support/cluster.ts';
import { type ControllerProcess, startController } from '../controller_process.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from '../pool_in_cluster.ts';

const cluster = useCluster();
let client: KubeClient;
let controller: ControllerProcess;

beforeAll(() => {
  client = clientOf(cluster.kubeconfig);
  controller = startController({ kubeconfig: cluster.kubeconfig, namespace: cluster.namespace });
});

afterAll(async () => {
  await controller.kill('SIGTERM');
  await client.close();
});

async function newPool(name: string, spec: Record<string, unknown> = {}): Promise<PoolInCluster> {
  await client.create(RunnerPoolKind, poolManifest(cluster.namespace, name, spec));
  return new PoolInCluster(client, cluster.namespace, name);
}

/**
 * For what the garbage collector takes: of a kind that was made a moment ago it hears up to half a minute later. Far
 * more than `eventually` has otherwise, and a test's time to go with it.
 */
const COLLECTED_MS = 90_000;
const COLLECTED = { timeout: 150_000 };

async function own(pool: PoolInCluster) {
  return (await pool.live()).filter((pod) => pod.metadata.labels?.['harrier.dev/pool'] === pool.name);
}

/** Waits for so many live runners with an Active token, and answers their names. */
async function runners(pool: PoolInCluster, count: number): Promise<string[]> {
  return await eventually(`${count} runners of ${pool.name}`, async () => {
    const pods = await own(pool);
    const active = (await pool.tokens()).filter((one) => one.status?.phase === 'Active');
    const withToken = pods.filter((pod) => active.some((one) => one.spec.podRef?.uid === pod.metadata.uid));
    return pods.length === count && withToken.length === count && pods.map((pod) => pod.metadata.name);
  });
}

async function status(
  pool: PoolInCluster,
  what: string,
  holds: (status: Status) => boolean,
): Promise<Status> {
  return await eventually(`${what} in the status of ${pool.name}`, async () => {
    const seen = (await pool.get())?.status;
    return seen !== undefined && holds(seen) && seen;
  });
}
type Status = NonNullable<NonNullable<Awaited<ReturnType<PoolInCluster['get']>>>['status']>;

async function condition(pool: PoolInCluster, type: string, value: string, reason: string): Promise<string> {
  const seen = await status(pool, `${type}=${value} (${reason})`, ({ conditions }) =>
    conditions.some((one) => one.type === type && one.status === value && one.reason === reason),
  );
  return seen.conditions.find((one) => one.type === type)?.message ?? '';
}

async function event(pool: PoolInCluster, reason: string): Promise<string> {
  return await eventually(`event ${reason} of ${pool.name}`, async () => {
    const { items } = await client.list(EventKind, pool.namespace);
    return items.find((one) => one.reason === reason && one.metadata.name.startsWith(`${pool.name}.`))
      ?.message;
  });
}

describe('a RunnerPool on a real control plane', () => {
  it('is scaled by kubectl scale: up, and down past the busy runner', async () => {
    const pool = await newPool('scaled', { replicas: 1 });
    await runners(pool, 1);
    await cluster.kubectl('scale', 'rp/scaled', '--replicas=4');
    const names = await runners(pool, 4);
    const busy = names[2] ?? '';
    for (const name of names.slice(0, 3)) await pool.report(name, 'Idle');
    await pool.report(busy, 'Busy');
    await status(pool, '2 idle, 1 busy', (one) => one.idleReplicas === 2 && one.busyReplicas === 1);

    await cluster.kubectl('scale', 'rp/scaled', '--replicas=0');
    await eventually('only the busy runner left', async () => {
      const [left, ...others] = await own(pool);
      return (
        others.length === 0 &&
        left?.metadata.name === busy &&
        left.metadata.annotations?.['harrier.dev/drain-since']
      );
    });
    expect(await condition(pool, 'Progressing', 'True', 'ScalingDown')).toContain('1 busy');
    await pool.endPod(busy, 'Succeeded');
    await status(pool, 'no runner', (one) => one.replicas === 0);
    expect(await event(pool, 'ScaledDown')).toContain('removed');
    expect(await cluster.kubectl('get', 'rp', 'scaled')).toMatch(/scaled\s+0\s+0\s+0\s+0\s+none/);
  });

  it('replaces a finished runner, and revokes its token', COLLECTED, async () => {
    const pool = await newPool('ephemeral');
    const [first = ''] = await runners(pool, 1);
    const token = await cluster.kubectlJson<{ metadata: { uid: string } }>('get', 'rt', first);
    await pool.report(first, 'Idle');
    await status(pool, 'the idle runner', (one) => one.readyReplicas === 1);
    await pool.report(first, 'Busy');
    await status(pool, 'the busy runner', (one) => one.busyReplicas === 1);
    await pool.endPod(first, 'Failed', 1);
    await eventually('another runner', async () => (await runners(pool, 1))[0] !== first);
    await eventually(
      'the token collected',
      async () => (await pool.tokens()).every((one) => one.metadata.uid !== token.metadata.uid),
      COLLECTED_MS,
    );
    expect((await pool.get())?.status?.failures).toEqual([]);
    expect(await event(pool, 'RunnerFinished')).toContain(first);
  });

  it('replaces idle runners of a changed template at once, and busy ones as they finish', async () => {
    const pool = await newPool('changed', { replicas: 2 });
    const [idle = '', busy = ''] = await runners(pool, 2);
    await pool.report(idle, 'Idle');
    await pool.report(busy, 'Idle');
    await pool.report(busy, 'Busy');
    await status(pool, 'one idle, one busy', (one) => one.idleReplicas === 1 && one.busyReplicas === 1);
    await client.mergePatch(RunnerPoolKind, pool.namespace, pool.name, {
      spec: { template: { metadata: { labels: { version: 'two' } } } },
    });
    await eventually('the idle runner replaced', async () => {
      const names = (await own(pool)).map((pod) => pod.metadata.name);
      return names.length === 2 && !names.includes(idle) && names.includes(busy);
    });
    await status(pool, 'one outdated of two', (one) => one.outdatedReplicas === 1 && one.replicas === 2);
    await pool.endPod(busy, 'Succeeded');
    await eventually('all of the new template', async () => {
      const pods = await own(pool);
      return pods.length === 2 && pods.every((pod) => pod.metadata.labels?.version === 'two');
    });
  });

  it('lets busy runners finish when it is deleted, and leaves nothing behind', COLLECTED, async () => {
    const pool = await newPool('removed', { replicas: 2 });
    const [idle = '', busy = ''] = await runners(pool, 2);
    await pool.report(idle, 'Idle');
    await pool.report(busy, 'Idle');
    await pool.report(busy, 'Busy');
    await status(pool, 'the busy runner', (one) => one.busyReplicas === 1);
    await client.delete(RunnerPoolKind, pool.namespace, pool.name);
    await eventually('the idle one gone', async () => (await own(pool)).length === 1);
    expect(await condition(pool, 'Ready', 'False', 'Deleting')).toContain('being deleted');
    expect((await own(pool))[0]?.metadata.name).toBe(busy);
    await pool.endPod(busy, 'Succeeded');
    await eventually('the pool gone', async () => (await pool.get()) === undefined);
    await eventually(
      'nothing left',
      async () => {
        const left = [...(await pool.pods()), ...(await pool.tokens()), ...(await pool.runnerSecrets())];
        return left.every((one) => !one.metadata.name.startsWith('removed-'));
      },
      COLLECTED_MS,
    );
  });

  it('goes with its busy runners when it does not drain', COLLECTED, async () => {
    const pool = await newPool('dropped', { lifecycle: { onDelete: 'Delete' } });
    const [busy = ''] = await runners(pool, 1);
    await pool.report(busy, 'Busy');
    await status(pool, 'the busy runner', (one) => one.busyReplicas === 1);
    await client.delete(RunnerPoolKind, pool.namespace, pool.name);
    await eventually('the pod collected', async () => (await own(pool)).length === 0, COLLECTED_MS);
  });

  it('waits for missing credentials, says which, and heals by itself', async () => {
    const forge = {
      type: 'gitea',
      url: 'https://gitea.example.test',
      credentialsSecretRef: { name: 'forge-login' },
    };
    const pool = await newPool('poor', { forge });
    expect(await condition(pool, 'Degraded', 'True', 'CredentialsSecretMissing')).toContain('forge-login');
    expect(await condition(pool, 'Ready', 'False', 'CredentialsSecretMissing')).toContain('forge-login');
    expect(await event(pool, 'CredentialsSecretMissing')).toContain('forge-login');
    expect(await own(pool)).toEqual([]);
    await client.create(secretHeadKind, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: pool.namespace, name: 'forge-login' },
      stringData: { token: 'of-the-forge' },
    });
    // At once: the forge is nowhere, which the pool says when it has asked for it in vain some times.
    await Promise.all([runners(pool, 1), condition(pool, 'Degraded', 'False', 'AsExpected')]);
  });

  it('backs off from a slot whose starts fail, holds up no other, and recovers', async () => {
    const lifecycle = { maxAttempts: 2, backoff: { initial: '1s', max: '2s' } };
    const pool = await newPool('shaky', { replicas: 2, lifecycle });
    const [bad = '', good = ''] = await runners(pool, 2);
    await pool.report(good, 'Idle');
    await pool.endPod(bad, 'Failed', 7);
    const failed = await status(pool, 'the failure', (one) => one.failures.length === 1);
    expect(failed.failures[0]).toMatchObject({ attempt: 1, reason: 'RunnerExited' });
    expect(failed.failures[0]?.message).toContain('exit code 7');
    expect(await event(pool, 'RunnerStartFailed')).toContain(bad);

    const again = await eventually('the second attempt', async () =>
      (await runners(pool, 2)).find((one) => one !== good),
    );
    await pool.endPod(again, 'Failed', 7);
    expect(await condition(pool, 'Degraded', 'True', 'StartsFailing')).toContain('attempt 2');
    await status(
      pool,
      'one idle beside the failing one',
      ({ idleReplicas, conditions }) =>
        idleReplicas === 1 && conditions.some((one) => one.reason === 'StartsFailing'),
    );

    const third = await eventually('the third attempt', async () =>
      (await runners(pool, 2)).find((one) => one !== good),
    );
    const [token] = (await pool.tokens()).filter((one) => one.metadata.name === third);
    expect(token?.spec.attempt).toBe(3);
    await pool.report(third, 'Idle');
    expect((await pool.get())?.status?.failures).toHaveLength(1);
    await pool.report(third, 'Busy');
    await condition(pool, 'Degraded', 'False', 'AsExpected');
    expect((await pool.get())?.status?.failures).toEqual([]);
  });

  it('gives up on a runner that is not idle in time', async () => {
    // Long enough for each step to be seen on a slow machine too: the first runner, and its failure before the second's.
    const lifecycle = { startupTimeout: '4s', backoff: { initial: '6s', max: '6s' } };
    const pool = await newPool('slow', { lifecycle });
    const [first] = await runners(pool, 1);
    const failed = await status(pool, 'the failure', (one) => one.failures.length === 1);
    expect(failed.failures[0]).toMatchObject({ reason: 'StartupTimeout', attempt: 1 });
    await eventually('another attempt', async () => {
      const [pod] = await own(pool);
      return pod !== undefined && pod.metadata.name !== first;
    });
    await cluster.kubectl('delete', 'rp', 'slow', '--wait=false');
  });

  it('makes nothing from a template that would show a token to the job', async () => {
    const template = {
      spec: {
        volumes: [
          {
            name: 'loot',
            secret: { secretName: tokenSecretName(runnerName({ name: 'x', uid: 'y' }, 0, 1)) },
          },
        ],
        containers: [{ name: 'runner', image: 'job.example.test/job:1' }],
      },
    };
    const pool = await newPool('nosy', { template });
    expect(await condition(pool, 'Degraded', 'True', 'TemplateRefused')).toContain(
      'spec.template.spec.volumes[0].secret.secretName',
    );
    expect(await event(pool, 'TemplateRefused')).toContain('secretName');
    expect(await own(pool)).toEqual([]);
  });

  it('tells what the apiserver has against its pods', async () => {
    const template = {
      spec: { containers: [{ name: 'runner', image: 'job', imagePullPolicy: 'Sometimes' }] },
    };
    const pool = await newPool('invalid', { template });
    expect(await condition(pool, 'Degraded', 'True', 'RunnerRefused')).toContain('imagePullPolicy');
    await client.mergePatch(RunnerPoolKind, pool.namespace, pool.name, {
      spec: { template: { spec: { containers: [{ name: 'runner', image: 'job' }] } } },
    });
    await runners(pool, 1);
    await condition(pool, 'Degraded', 'False', 'AsExpected');
  });
});
