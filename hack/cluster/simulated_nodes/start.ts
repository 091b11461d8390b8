import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBinaries } from '../../binaries/ensure.ts';
import { listOwned, logTail, startOwned, stopOwned } from '../../processes/owned.ts';
import type { Note } from '../../progress.ts';
import type { Cluster } from '../cluster.ts';
import { kubectl } from '../kubectl.ts';
import { clusterFolder } from '../state.ts';

/** What a pod selects to get onto a simulated node. */
export const SIMULATED_NODE_SELECTOR = { type: 'kwok' };

const ANNOTATION = { 'kwok.x-k8s.io/node': 'fake' };
const READY_WITHIN_MS = 60_000;

export interface SimulatedNodes extends AsyncDisposable {
  names: string[];
  /** Removes the nodes and ends kwok. Pods that are still on them stay, as on a node that lost its power. */
  stop(): Promise<void>;
}

/**
 * Starts kwok beside the cluster, with so many nodes on which pods become Running and Ready at once
 * and run nothing. Such a pod does not wait for the Secrets it mounts, as one on a real node does.
 */
export async function startSimulatedNodes(
  cluster: Pick<Cluster, 'name' | 'kubeconfig'>,
  count: number,
  note: Note = () => {},
): Promise<SimulatedNodes> {
  const binaries = await ensureBinaries(['kwok', 'kubectl'], note);
  const folder = join(clusterFolder(cluster.name), 'simulated-nodes');
  const names = Array.from({ length: count }, (_, index) => `simulated-${index}`);
  const control = (args: string[], input = '') => kubectl(binaries, cluster.kubeconfig, args, { input });

  if (listOwned(folder).length === 0) {
    startOwned({
      folder,
      name: 'kwok',
      program: join(binaries, 'kwok'),
      args: [
        `--kubeconfig=${cluster.kubeconfig}`,
        `--config=${join(import.meta.dirname, 'stages.yaml')}`,
        '--manage-all-nodes=false',
        '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
        '--cidr=10.255.0.0/16',
        '--node-lease-duration-seconds=40',
        '--v=WARN',
      ],
    });
  }
  note(`${count} simulated nodes`);
  await control(
    ['apply', '--server-side', '-f', '-'],
    names.map((name, index) => JSON.stringify(node(name, index))).join('\n---\n'),
  );
  await untilReady(control, folder, names, note);

  const stop = async () => {
    await control(['delete', 'nodes', '--ignore-not-found', ...names]);
    await stopOwned(folder);
    rmSync(folder, { recursive: true, force: true });
  };
  return { names, stop, [Symbol.asyncDispose]: stop };
}

function node(name: string, index: number) {
  const room = { cpu: '1000', memory: '4Ti', pods: '5000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: ANNOTATION,
      labels: { ...SIMULATED_NODE_SELECTOR, 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' },
    },
    status: {
      capacity: room,
      allocatable: room,
      // From the block of RFC 5737 that no machine has: nothing listens there.
      addresses: [{ type: 'InternalIP', address: `192.0.2.${(index % 254) + 1}` }],
    },
  };
}

async function untilReady(
  control: (args: string[]) => Promise<string>,
  folder: string,
  names: string[],
  note: Note,
): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  const path =
    '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  for (;;) {
    const lines = new Set((await control(['get', 'nodes', '-o', `jsonpath=${path}`])).split('\n'));
    const ready = names.filter((name) => lines.has(`${name}=True`)).length;
    if (ready === names.length) return;
    if (listOwned(folder).length === 0 || Date.now() > deadline) {
      throw new Error(`${ready} of ${names.length} simulated nodes are ready:\n${logTail(folder, 'kwok')}`);
    }
    note(`${ready} of ${names.length} simulated nodes are ready`);
    await sleep(100);
  }
}
