import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../hack/cluster/cluster.ts';
import { clusterUp } from '../hack/cluster/cluster_up.ts';
import { whyNoNode } from '../hack/cluster/node/prerequisites.ts';
import { buildGiteaRunnerImage } from '../hack/image/gitea_runner.ts';
import { installHarrier, RUNNER_NAMESPACE } from '../hack/install.ts';
import { applyGiteaPool, idleInGitea, POOL } from '../hack/run/gitea_pool.ts';
import { loadImages } from '../hack/run/images.ts';
import { kubectl } from '../hack/run/kubectl.ts';
import { addressForPods } from '../hack/servers/gitea/address_for_pods.ts';
import type { GiteaClient } from '../hack/servers/gitea/client.ts';
import { ORGANIZATION, WORKFLOW } from '../hack/servers/gitea/example.ts';
import { type GiteaServer, startGitea, whyNoGitea } from '../hack/servers/gitea/server.ts';
import { type Figure, median, spread } from './statistics.ts';

const ROUNDS = 3;
const APP = `${ORGANIZATION}/app`;
const PATIENCE_MS = 120_000;
/** What a cold start is made of, in the order in which it happens. */
const PARTS = [
  'queue seen',
  'pod created',
  'scheduled',
  'sidecar runs',
  'joined',
  'runner starts',
  'runner online',
  'job taken',
  'first step',
] as const;
type Part = (typeof PARTS)[number];
/** Milliseconds since the push was answered. */
type Marks = Partial<Record<Part, number>>;

/** From a pushed workflow to its first step on a real Gitea and a real node, with an idle runner and with none. */
export async function firstStep(note: (text: string) => void): Promise<Figure[]> {
  const reason = whyNoGitea() ?? (await whyNoNode());
  if (reason !== undefined) return [{ name: 'push to first step', value: `not measured: ${reason}` }];
  const cluster = await clusterUp({ name: `bench-${process.pid}`, kind: 'local', temporary: true, note });
  let gitea: GiteaServer | undefined;
  try {
    const address = (await addressForPods(cluster.name)) ?? '';
    await installHarrier(cluster, note, { forgeHosts: [address] });
    await loadImages(cluster, [await buildGiteaRunnerImage(undefined, note)], note);
    note('a real Gitea');
    gitea = await startGitea({ address });
    await gitea.client.organization(ORGANIZATION);
    await gitea.client.repository(ORGANIZATION, 'app');
    return [...(await withIdle(cluster, gitea, note)), ...(await withNone(cluster, gitea, note))];
  } finally {
    await gitea?.stop();
    await cluster.down();
  }
}

async function withIdle(
  cluster: Cluster,
  gitea: GiteaServer,
  note: (text: string) => void,
): Promise<Figure[]> {
  await applyGiteaPool(cluster, gitea, { replicas: 1, pollInterval: '2s' });
  const rounds: Marks[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    await idleInGitea(cluster, 1, note);
    note(`an idle runner, push ${round} of ${ROUNDS}`);
    rounds.push(await pushed(cluster, gitea.client, new Map()));
  }
  await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'delete', 'rp', POOL, '--timeout=120s']);
  return figures('push to first step, an idle runner', rounds, ['job taken', 'first step']);
}

async function withNone(
  cluster: Cluster,
  gitea: GiteaServer,
  note: (text: string) => void,
): Promise<Figure[]> {
  const autoscaling = { min: 0, max: 1, scaleDownDelay: '0s' };
  await applyGiteaPool(cluster, gitea, { replicas: 0, pollInterval: '2s', autoscaling });
  const rounds: Marks[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    await noPods(cluster);
    note(`no runner, push ${round} of ${ROUNDS}`);
    const seen = new Map<Part, number>();
    const watches = [watchPool(cluster, seen), watchPods(cluster, seen)];
    try {
      // Both have to be there before the push.
      await sleep(1000);
      rounds.push(await pushed(cluster, gitea.client, seen));
    } finally {
      for (const child of watches) child.kill();
    }
  }
  return figures('push to first step, no runner (asked every 2 s)', rounds, PARTS);
}

/** Pushes a workflow of one step and waits for its end; what was seen in between, by when. */
async function pushed(cluster: Cluster, client: GiteaClient, seen: Map<Part, number>): Promise<Marks> {
  const steps = [{ run: 'echo "begun"' }];
  const job = { 'runs-on': POOL, defaults: { run: { shell: 'sh' } }, steps };
  const workflow = JSON.stringify({ on: 'push', jobs: { job } });
  const commit = await client.push(APP, { [WORKFLOW]: workflow, at: String(Date.now()) }, 'bench');
  const began = Date.now();
  const mark = (part: Part) => seen.has(part) || seen.set(part, Date.now());
  for (; ; await sleep(50)) {
    const [runners, [newest]] = await Promise.all([client.runners(), client.newest(APP)]);
    if (runners.some(({ status }) => status === 'online')) mark('runner online');
    if (newest?.head_sha === commit && newest.status !== 'queued') mark('job taken');
    if (newest?.head_sha === commit && newest.status === 'completed') {
      const log = await client.log(APP, newest.id);
      const at = /^(\S+Z) begun/m.exec(log)?.[1];
      if (at === undefined) throw new Error(`the job ended otherwise:\n${log.slice(-2000)}`);
      seen.set('first step', Date.parse(at));
      return Object.fromEntries([...seen].map(([part, when]) => [part, when - began]));
    }
    if (Date.now() - began > PATIENCE_MS) {
      const there = await kubectl(cluster, ['-n', RUNNER_NAMESPACE, 'get', 'rp,pods']);
      throw new Error(`the job was not run:\n${there}`);
    }
  }
}

function watchPool(cluster: Cluster, seen: Map<Part, number>) {
  return watchLines(cluster, ['rp', POOL], '{.status.queued}{"\\n"}', (line) => {
    if (Number(line) > 0) first(seen, 'queue seen');
  });
}

function watchPods(cluster: Cluster, seen: Map<Part, number>) {
  // Without a range: kubectl can't use one for a second object of a watch.
  const states = '{.status.initContainerStatuses[*].state}|{.status.containerStatuses[*].state}';
  const format = `{.spec.nodeName}|${states}{"\\n"}`;
  return watchLines(cluster, ['pods', '-l', `harrier.dev/pool=${POOL}`], format, (line) => {
    const [node, init = '', runner = ''] = line.split('|');
    first(seen, 'pod created');
    if (node !== '') first(seen, 'scheduled');
    if (init.startsWith('{"running"')) first(seen, 'sidecar runs');
    if (init.includes('{"terminated"')) first(seen, 'joined');
    if (runner.includes('running')) first(seen, 'runner starts');
  });
}

function watchLines(cluster: Cluster, what: string[], format: string, line: (text: string) => void) {
  const words = ['--kubeconfig', cluster.kubeconfig, '-n', RUNNER_NAMESPACE, 'get', ...what];
  const child = spawn(cluster.kubectl, [...words, '--watch', '-o', `jsonpath=${format}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  createInterface({ input: child.stdout }).on('line', line);
  return child;
}

function first(seen: Map<Part, number>, part: Part): void {
  if (!seen.has(part)) seen.set(part, Date.now());
}

async function noPods(cluster: Cluster): Promise<void> {
  const list = ['-n', RUNNER_NAMESPACE, 'get', 'pods', '-l', `harrier.dev/pool=${POOL}`, '-o', 'name'];
  for (const began = Date.now(); (await kubectl(cluster, list)) !== ''; await sleep(250))
    if (Date.now() - began > PATIENCE_MS) throw new Error('the runners of the round before do not go');
}

/** The whole, and below it when each part of it was there, since the push. */
function figures(name: string, rounds: readonly Marks[], parts: readonly Part[]): Figure[] {
  const value = (part: Part) => {
    const samples = rounds.map((marks) => (marks[part] ?? Number.NaN) / 1000).filter(Number.isFinite);
    return samples.length === 0 ? 'not seen' : `${median(samples).toFixed(2)} s ${spread(samples, 2)}`;
  };
  return [
    { name, value: value('first step') },
    ...parts.slice(0, -1).map((part) => ({ name: `  of it: ${part} after`, value: value(part) })),
  ];
}
