import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../../hack/bundle.ts';
import { RunnerPoolKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { useCluster } from '../support/cluster.ts';
import { type ControllerProcess, startController } from './controller_process.ts';
import { type Cut, knifeProxy } from './knife_proxy.ts';
import { clientOf, eventually, PoolInCluster, poolManifest } from './pool_in_cluster.ts';

/** Lives that are led at once, each in a namespace of its own. */
const LANES = 2;
const MOST_WRITES = 80;
/** The garbage collector hears of a kind that was made a moment ago up to half a minute later. */
const COLLECTED_MS = 120_000;
const ROOT = join(import.meta.dirname, '../..');

const cluster = useCluster();
let client: KubeClient;

let main: string;

beforeAll(async () => {
  client = clientOf(cluster.kubeconfig);
  // The bundle, as the image runs it: it starts in a third of the time that the sources take, a hundred times.
  const folder = mkdtempSync(join(tmpdir(), 'harrier-crash-'));
  await bundle({ outFolder: relative(ROOT, folder) });
  main = join(folder, 'main.js');
});
afterAll(async () => {
  await client.close();
  rmSync(dirname(main), { recursive: true });
});

/**
 * A runner's life from nothing to nothing: first keys, pod, identity, idle, a fresh JWT, busy, finished, replaced, and
 * the pool's end. Everything outside the controller is played here, and waits for what the controller owes it, however
 * often that was killed meanwhile.
 */
async function leadLife(pool: PoolInCluster): Promise<void> {
  const { namespace, name } = pool;
  await client.create(RunnerPoolKind, poolManifest(namespace, name));
  const first = await identified(pool);
  await pool.report(first, 'Idle');
  await eventually(
    'the idle runner in the status',
    async () => (await pool.get())?.status?.idleReplicas === 1,
  );

  await pool.tokenStatus(first, { refreshAt: '2020-01-01T00:00:00Z' }, 'test-clock');
  await eventually('a fresh JWT', async () => {
    const token = (await pool.tokens()).find((one) => one.metadata.name === first);
    return Date.parse(token?.status?.refreshAt ?? '') > Date.now();
  });

  await pool.report(first, 'Busy');
  await eventually(
    'the busy runner in the status',
    async () => (await pool.get())?.status?.busyReplicas === 1,
  );
  await pool.endPod(first, 'Succeeded');
  await eventually('the finished pod gone', async () =>
    (await pool.pods()).every((pod) => pod.metadata.name !== first),
  );
  const second = await identified(pool);
  await pool.report(second, 'Idle');
  await eventually(
    'the second runner in the status',
    async () => (await pool.get())?.status?.readyReplicas === 1,
  );
  await wholeAsAsked(pool, 1);

  await client.delete(RunnerPoolKind, namespace, name);
  await eventually('the pool gone', async () => (await pool.get()) === undefined);
  await wholeAsAsked(pool, 0);
}

/** The name of the one live runner, once it has its identity. */
async function identified(pool: PoolInCluster): Promise<string> {
  return await eventually('a runner with its identity', async () => {
    const [pod, ...others] = await pool.live();
    expect(others, 'more runners than asked for').toEqual([]);
    const token = (await pool.tokens()).find((one) => one.spec.podRef?.uid === pod?.metadata.uid);
    return token?.status?.phase === 'Active' && pod?.metadata.name;
  });
}

/** As many runners as asked; no Secret or RunnerToken without its pod, no pod without them; one registration token. */
async function wholeAsAsked(pool: PoolInCluster, replicas: number): Promise<void> {
  const what = `${replicas} runners, each with its token and its Secret, and nothing else`;
  const look = async () => {
    const [pods, all, secrets] = await Promise.all([pool.pods(), pool.tokens(), pool.runnerSecrets()]);
    const tokens = all.filter((one) => one.spec.type === 'Runtime');
    const uids = pods.map((one) => one.metadata.uid);
    expect(uids).toHaveLength(replicas);
    expect(tokens.map((one) => one.spec.podRef?.uid)).toEqual(uids);
    expect(secrets.map((one) => one.metadata.ownerReferences?.[0]?.uid)).toEqual(uids);
    // One that all runners of the pool descend from, whatever was cut off.
    const registrations = all.filter((one) => one.spec.type === 'Registration');
    expect(registrations.map((one) => one.status?.phase)).toEqual(replicas === 0 ? [] : ['Active']);
    return true;
  };
  await eventually(what, look, COLLECTED_MS);
}

/** Leads one life with a controller that is killed at the cut and started again; answers the writes it made till then. */
async function lifeWithCut(cut: Cut | undefined): Promise<{ writes: string[]; used: boolean }> {
  const namespace = await makeNamespace();
  const pool = new PoolInCluster(client, namespace, 'life');
  let second: Promise<ControllerProcess> | undefined;
  const proxy = await knifeProxy(cluster.kubeconfig, cut, () => {
    second = first.kill('SIGKILL').then(async () => {
      await pool.forgetLease();
      return startController({ main, kubeconfig: cluster.kubeconfig, namespace });
    });
  });
  const first = startController({ main, kubeconfig: proxy.kubeconfig, namespace });
  try {
    await leadLife(pool);
    return { writes: [...proxy.writes], used: proxy.used };
  } catch (error) {
    const output = ((await second)?.output() ?? first.output()).slice(-3_000);
    throw new Error(`cut ${cut?.side} write ${cut?.write} (${proxy.writes.join(', ')})\n${output}`, {
      cause: error,
    });
  } finally {
    // In this order: as long as the first lives and the proxy stands, there may yet be a second.
    await first.kill('SIGKILL');
    await proxy.close();
    await (await second)?.kill('SIGKILL');
    await cluster.kubectl('delete', 'namespace', namespace, '--wait=false');
  }
}

/** Goes with its life, not with the file: half a hundred would be too many to clear away at the end. */
async function makeNamespace(): Promise<string> {
  const name = `test-${randomBytes(5).toString('hex')}`;
  await cluster.kubectl('create', 'namespace', name);
  // Pods are refused until the controller-manager has made it.
  await eventually('the service account', () => cluster.kubectl('get', 'sa', 'default', '--namespace', name));
  return name;
}

describe('a controller that is killed', () => {
  it('between any two writes in the life of a runner leaves nothing half-made once it is started again', async () => {
    const { writes } = await lifeWithCut(undefined);
    expect(writes.length).toBeGreaterThan(15);
    expect(writes.length).toBeLessThan(MOST_WRITES);

    // Dead before write n + 1 and dead after write n leave the same behind: the latter, where the answer is lost too,
    // stands for both.
    const cuts: Cut[] = [
      { write: 1, side: 'before' },
      ...writes.map((_, index) => ({ write: index + 1, side: 'after' as const })),
    ];
    let made = 0;
    // Two statuses may be written as one: how many writes a life has is decided by chance.
    let shortest = writes.length;
    async function lane(): Promise<void> {
      for (let cut = cuts.shift(); cut !== undefined; cut = cuts.shift()) {
        const life = await lifeWithCut(cut);
        if (life.used) made += 1;
        else shortest = Math.min(shortest, life.writes.length);
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane));
    console.log(`killed at ${made} points in a life of ${writes.length} writes: ${writes.join(', ')}`);
    // Every write that each life has, and the one before the first.
    expect(shortest).toBeGreaterThan(15);
    expect(made).toBeGreaterThanOrEqual(shortest + 1);
  }, 900_000);
});
