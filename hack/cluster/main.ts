import { parseArgs } from 'node:util';
import { step } from '../progress.ts';
import { CLUSTER_KINDS, type ClusterKind } from './cluster.ts';
import { clusterDown, clusterUp, findCluster } from './cluster_up.ts';
import { clusterNames, readState } from './state.ts';

const USAGE = `usage: node hack/cluster/main.ts up|down|status [--name harrier] [--kind ${CLUSTER_KINDS.join('|')}]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', default: 'harrier' }, kind: { type: 'string' } },
});
const { name } = values;
const kind = CLUSTER_KINDS.find((known) => known === values.kind);
if (values.kind !== undefined && kind === undefined) fail(`there is no kind ${values.kind}`);

const commands: Record<string, () => Promise<void>> = { up, down, status };
const command = commands[positionals[0] ?? ''];
if (command === undefined || positionals.length > 1) fail('one of up, down, status is needed');
await command();

async function up(): Promise<void> {
  const cluster = await step(`Cluster ${name}`, (note) => clusterUp({ name, kind, note }));
  console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
}

async function down(): Promise<void> {
  const removed = await step(`Remove cluster ${name}`, (note) => clusterDown(name, note));
  if (!removed) console.log(`there is no cluster ${name}`);
}

async function status(): Promise<void> {
  for (const each of clusterNames()) {
    const known: ClusterKind | undefined = readState(each)?.kind;
    const healthy = known !== undefined && (await findCluster(each)) !== undefined;
    console.log(`${each}\t${known ?? 'unreadable'}\t${healthy ? 'ready' : 'not ready'}`);
  }
}

function fail(reason: string): never {
  console.error(`${reason}\n${USAGE}`);
  process.exit(2);
}
