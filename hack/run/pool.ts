import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/cluster.ts';
import { RUNNER_NAMESPACE } from '../install.ts';
import type { Note } from '../progress.ts';
import { kubectl } from './kubectl.ts';

const POOL = 'first';
const PATIENCE_MS = 180_000;
export const FIRST_POOL = new URL('../../examples/first-pool.yaml', import.meta.url).pathname;

interface TokenList {
  items: {
    metadata: { name: string };
    spec: { poolRef: { name: string } };
    status?: { phase?: string; runner?: { state: string } };
  }[];
}

/** Applies examples/first-pool.yaml and waits until its three runners are idle. */
export async function firstPool(cluster: Cluster, note: Note): Promise<void> {
  await applyPool(cluster, await readFile(FIRST_POOL, 'utf8'));
  note('waiting for the pool to be as it is asked to be');
  await kubectl(cluster, [
    '-n',
    RUNNER_NAMESPACE,
    'wait',
    `rp/${POOL}`,
    '--for=condition=Ready',
    '--timeout=180s',
  ]).catch(async () => {
    throw new Error(await whyNot(cluster, 3));
  });
  await idleRunners(cluster, 3, note);
}

export async function applyPool(cluster: Cluster, manifest: string): Promise<void> {
  await kubectl(cluster, ['apply', '--server-side', '--field-manager', 'harrier-run', '-f', '-'], manifest);
}

/** Names of the pool's idle runners, once there are so many and the pool says so too. */
export async function idleRunners(cluster: Cluster, wanted: number, note: Note): Promise<string[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const idle = ['get', 'rp', POOL, '-o', 'jsonpath={.status.idleReplicas}'];
    const counted = Number(await kubectl(cluster, ['-n', RUNNER_NAMESPACE, ...idle]));
    if (counted >= wanted) break;
    note(`${counted} of ${wanted} runners idle`);
    if (Date.now() > deadline) throw new Error(await whyNot(cluster, wanted));
    await sleep(250);
  }
  return runners(cluster, wanted, 'idle', ({ status }) => status?.runner?.state === 'Idle', note);
}

/** Names of the pool's runners with a token, whatever they report, once there are so many. */
export function runnersOf(cluster: Cluster, wanted: number, note: Note): Promise<string[]> {
  return runners(cluster, wanted, 'with a token', ({ status }) => status?.phase === 'Active', note);
}

async function runners(
  cluster: Cluster,
  wanted: number,
  state: string,
  counts: (token: TokenList['items'][number]) => boolean,
  note: Note,
): Promise<string[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const list = JSON.parse(
      await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'get', 'rt', '-o', 'json']),
    ) as TokenList;
    const found = list.items
      .filter(
        (token) => token.spec.poolRef.name === POOL && token.status?.phase === 'Active' && counts(token),
      )
      .map((token) => token.metadata.name);
    if (found.length >= wanted) return found;
    note(`${found.length} of ${wanted} runners ${state}`);
    if (Date.now() > deadline) throw new Error(await whyNot(cluster, wanted));
    await sleep(250);
  }
}

async function whyNot(cluster: Cluster, wanted: number): Promise<string> {
  const seen = await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'get', 'rp,rt,pods']);
  const events = await kubectl(cluster, [
    '-n',
    RUNNER_NAMESPACE,
    'get',
    'events',
    '--sort-by=.lastTimestamp',
  ]);
  return `${wanted} runners did not become idle:\n${seen}\n${events.split('\n').slice(-15).join('\n')}`;
}
