/**
 * `make test`: every test there is, on clusters of its own that go when it ends.
 * With arguments, only files whose paths contain one of them.
 */
import { globSync } from 'node:fs';
import { chooseKind, NoClusterPossible } from './cluster/choose_kind.ts';
import type { Cluster, ClusterKind } from './cluster/cluster.ts';
import { clusterUp } from './cluster/cluster_up.ts';
import { step } from './progress.ts';
import { addressForPods } from './servers/gitea/address_for_pods.ts';
import { prepare } from './test/prepare.ts';
import { add, isGood, NOTHING, summary, type Tally } from './test/tally.ts';
import { countTests, runSuite, type Suite } from './test/vitest.ts';

/** A cluster of the user's own, for both suites that need one. */
const given = process.env.HARRIER_TEST_KUBECONFIG;
if (given !== undefined) process.env.KUBECONFIG = given;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

const clusters: Cluster[] = [];
let total: Tally = NOTHING;
try {
  // Whoever asks for some files alone waits for none but theirs.
  if (process.argv.length === 2) await step('what tests start', prepare);
  await suite('unit', async () => ({}));
  await suite('cluster', onAnApiserver);
  await suite('node', onANode);
} catch (error) {
  if (!interrupted.signal.aborted) {
    console.error(error instanceof Error ? error.message : error);
    total = add(total, { ...NOTHING, failed: 1, failures: [String(error)] });
  }
} finally {
  for (const cluster of clusters) await step(`remove cluster ${cluster.name}`, () => cluster.down());
}
for (const failure of total.failures) console.log(`✗ ${failure}`);
console.log(summary(total));
process.exitCode = interrupted.signal.aborted ? 130 : isGood(total) ? 0 : 1;

/** `prepare` answers the environment of the suite's tests, or why they cannot run here. */
async function suite(name: Suite, prepare: () => Promise<NodeJS.ProcessEnv | string>): Promise<void> {
  interrupted.signal.throwIfAborted();
  const files = filesOf(name);
  if (files.length === 0) return;
  const environment = await prepare();
  if (typeof environment === 'string') {
    const skipped = await countTests(name, files);
    console.log(`The ${name} suite (${skipped} tests in ${files.length} files) is skipped: ${environment}`);
    total = add(total, { ...NOTHING, skipped });
    return;
  }
  total = add(total, await runSuite(name, files, environment, interrupted.signal));
}

function filesOf(name: Suite): string[] {
  const ofSuite = (file: string) => (/\.(cluster|node)\.test\.ts$/.exec(file)?.[1] ?? 'unit') === name;
  const asked = process.argv.slice(2);
  const isAsked = (file: string) => asked.length === 0 || asked.some((part) => file.includes(part));
  return globSync('test/**/*.test.ts').filter((file) => ofSuite(file) && isAsked(file));
}

/** Tests would build them too, but each that needs one then waits without a word of why. */
async function onAnApiserver(): Promise<NodeJS.ProcessEnv> {
  // Elsewhere a control plane cannot be had without its node.
  const kind = process.platform === 'linux' ? 'controlplane' : await chooseKind();
  return environmentOf(await cluster('test', kind));
}

async function onANode(): Promise<NodeJS.ProcessEnv | string> {
  try {
    const withNode = await cluster('test-node', await chooseKind());
    // Only here: it bundles and builds images, which the other suites need not wait for.
    const { installHarrier } = await import('./install.ts');
    // Where a test has its Gitea.
    const address = await addressForPods(withNode.name);
    const forgeHosts = address === undefined ? [] : [address];
    await step('Harrier from its chart', (note) => installHarrier(withNode, note, { forgeHosts }));
    return environmentOf(withNode);
  } catch (error) {
    if (error instanceof NoClusterPossible) return error.message;
    throw error;
  }
}

async function cluster(purpose: string, wanted: ClusterKind): Promise<Cluster> {
  const kind = given === undefined ? wanted : 'current';
  const name = `${purpose}-${process.pid}`;
  const made = await step(`cluster ${name} (${kind})`, (note) =>
    clusterUp({ name, kind, temporary: true, note }),
  );
  clusters.push(made);
  return made;
}

function environmentOf({ name, kubeconfig, kubectl, helm }: Cluster): NodeJS.ProcessEnv {
  return {
    HARRIER_TEST_CLUSTER: name,
    HARRIER_TEST_KUBECONFIG: kubeconfig,
    HARRIER_TEST_KUBECTL: kubectl,
    HARRIER_TEST_HELM: helm,
  };
}
