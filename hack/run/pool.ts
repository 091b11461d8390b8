import { readFile } from 'node:fs/promises';
import type { Cluster } from '../cluster/cluster.ts';
import type { Note } from '../progress.ts';
import { kubectl } from './kubectl.ts';

const POOL = 'first';
export const FIRST_POOL = new URL('../../examples/first-pool.yaml', import.meta.url).pathname;
export const POOL_NAMESPACE = 'runners';

interface TokenList {
  items: {
    metadata: { name: string };
    spec: { poolRef: { name: string } };
    status?: { runner?: { state: string } };
  }[];
}

/** Applies examples/first-pool.yaml and waits until its three runners are idle. */
export async function firstPool(cluster: Cluster, note: Note): Promise<void> {
  await kubectl(
    cluster,
    ['apply', '--server-side', '--field-manager', 'harrier-run', '-f', '-'],
    await readFile(FIRST_POOL, 'utf8'),
  );
  await idleRunners(cluster, 3, note);
}

/** Names of the pool's idle runners, once there are so many. */
export async function idleRunners(
  cluster: Cluster,
  wanted: number,
  note: Note,
  timeoutMs = 180_000,
): Promise<string[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const list = JSON.parse(
      await kubectl(cluster, ['-n', POOL_NAMESPACE, 'get', 'rt', '-o', 'json']),
    ) as TokenList;
    const idle = list.items
      .filter((token) => token.spec.poolRef.name === POOL && token.status?.runner?.state === 'Idle')
      .map((token) => token.metadata.name);
    if (idle.length >= wanted) return idle;
    note(`${idle.length} of ${wanted} runners idle`);
    if (Date.now() > deadline) throw new Error(await whyNot(cluster, wanted));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function whyNot(cluster: Cluster, wanted: number): Promise<string> {
  const seen = await kubectl(cluster, ['-n', POOL_NAMESPACE, 'get', 'rp,rt,pods']);
  const events = await kubectl(cluster, ['-n', POOL_NAMESPACE, 'get', 'events', '--sort-by=.lastTimestamp']);
  return `${wanted} runners did not become idle:\n${seen}\n${events.split('\n').slice(-15).join('\n')}`;
}
