import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { bundle } from '../hack/bundle.ts';
import { clusterUp } from '../hack/cluster/cluster_up.ts';
import { startSimulatedNodes } from '../hack/cluster/simulated_nodes/start.ts';
import type { Note } from '../hack/progress.ts';
import { startOnHost } from '../hack/run/host_processes.ts';
import { kubectl } from '../hack/run/kubectl.ts';
import { createKubeClient } from '../src/kube/client.ts';
import type { KubeClient } from '../src/kube/types.ts';

/** What the measures are taken on: one control plane with simulated nodes, Harrier's own processes on this machine. */
export interface Lab extends AsyncDisposable {
  client: KubeClient;
  /** Namespace whose pools the controller serves. */
  namespace: string;
  /** Namespace that nobody serves, for the bare loops. */
  bareNamespace: string;
  controllerPid: number;
  apis: readonly { url: string; pid: number }[];
  /** A folder that goes with the lab. */
  scratch: string;
}

const NAMESPACES = { system: 'bench-system', runners: 'bench', bare: 'bench-bare' };
const SIMULATED_NODES = 4;
const ROOT = new URL('..', import.meta.url).pathname;

export async function openLab(note: Note): Promise<Lab> {
  await using opened = new AsyncDisposableStack();
  note('bundling dist/');
  await bundle();
  const scratch = await mkdtemp(join(tmpdir(), 'harrier-bench-'));
  opened.defer(() => rm(scratch, { recursive: true, force: true }));
  const cluster = await clusterUp({ name: 'bench', kind: 'controlplane', temporary: true, note });
  opened.defer(() => cluster.down());
  await startSimulatedNodes(cluster, SIMULATED_NODES, note);
  await kubectl(cluster, ['apply', '--server-side', '-f', join(ROOT, 'crds')]);
  await kubectl(cluster, ['wait', '--for=condition=Established', '--timeout=30s', '-f', join(ROOT, 'crds')]);
  for (const namespace of Object.values(NAMESPACES))
    await kubectl(cluster, ['create', 'namespace', namespace]);
  note("Harrier's processes");
  const host = opened.use(
    await startOnHost(cluster, {
      namespace: NAMESPACES.system,
      runnerNamespaces: [NAMESPACES.runners],
      apis: 2,
      scratch,
    }),
  );
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(cluster.kubeconfig);
  const client = createKubeClient({ kubeConfig });
  opened.defer(() => client.close());
  const whole = opened.move();
  return {
    client,
    namespace: NAMESPACES.runners,
    bareNamespace: NAMESPACES.bare,
    controllerPid: host.controller.pid,
    apis: host.apis.map(({ url, process }) => ({ url, pid: process.pid })),
    scratch,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
