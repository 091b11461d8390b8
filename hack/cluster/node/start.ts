import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildPauseImage } from '../../image/images.ts';
import { isAlive } from '../../processes/identity.ts';
import { logTail, type OwnedProcess } from '../../processes/owned.ts';
import type { Note } from '../../progress.ts';
import { run } from '../../run/command.ts';
import type { ControlPlane } from '../control_plane.ts';
import type { ClusterNetwork } from './addresses.ts';
import { startContainerd } from './containerd.ts';
import { dnsAnswers, startDns } from './dns.ts';
import { createEnclosure } from './enclosure.ts';
import { startKubeProxy } from './kube_proxy.ts';
import { startKubelet } from './kubelet.ts';
import { importImage } from './load_image.ts';
import { installPrerequisites } from './prerequisites.ts';

export interface NodeOptions {
  /** The cluster's name: its network, control groups and node are named for it. */
  readonly name: string;
  /** From createNetwork; the control plane listens on its nodeAddress. */
  readonly network: ClusterNetwork;
  readonly plane: ControlPlane;
  /** The folder with kubelet, kube-proxy, coredns and kubectl. */
  readonly binaries: string;
  readonly note?: Note;
}

const READY_WITHIN_MS = 90_000;

/** Starts the cluster's one node and waits until pods can be scheduled to it. stopNode takes all of it back. */
export async function startNode(options: NodeOptions): Promise<void> {
  const { name, network, plane, binaries, note = () => {} } = options;
  const nodeName = `${name}-node`;
  const program = (file: string) => join(binaries, file);
  mkdirSync(join(plane.folder, 'node'), { recursive: true });
  await installPrerequisites(note);

  note('mount namespace and control groups');
  const enclosure = await createEnclosure(name, plane.folder, network);
  note('containerd');
  const pause = await buildPauseImage(undefined, note);
  await startContainerd(enclosure, network, pause.reference);
  await importImage(enclosure, pause.file);

  note('kubelet, kube-proxy and CoreDNS');
  const daemons = await Promise.all([
    startKubelet(enclosure, network, plane, nodeName, program('kubelet')),
    startKubeProxy(enclosure, network, plane, nodeName, program('kube-proxy')),
    startDns(enclosure, network, plane, { coredns: program('coredns'), kubectl: program('kubectl') }),
  ]);
  const ready = () => whatIsMissing(plane, network, nodeName, program('kubectl'));
  await until(plane.folder, ready, daemons, note);
}

/** What still keeps pods from running on the node, in words, or undefined. */
async function whatIsMissing(
  plane: ControlPlane,
  network: ClusterNetwork,
  nodeName: string,
  kubectl: string,
): Promise<string | undefined> {
  // Ready in its status is a moment too early: pods stay pending until the taint is gone too.
  const query = 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.spec.taints[*].key}';
  const question = ['get', 'node', nodeName, '--ignore-not-found', '-o', query];
  const answer = (await run(kubectl, ['--kubeconfig', plane.kubeconfig, ...question])).trim();
  if (answer === '') return 'the node is not registered';
  if (answer !== 'True') return `the node is not ready: ${answer}`;
  return (await dnsAnswers(network)) ? undefined : 'cluster DNS does not answer';
}

async function until(
  folder: string,
  missing: () => Promise<string | undefined>,
  daemons: readonly OwnedProcess[],
  note: Note,
): Promise<void> {
  const started = Date.now();
  for (;;) {
    const reason = await missing();
    if (reason === undefined) return;
    const dead = daemons.find((daemon) => !isAlive(daemon));
    if (dead !== undefined) throw new Error(`${dead.name} ended:\n${logTail(folder, dead.name)}`);
    if (Date.now() - started > READY_WITHIN_MS) {
      const log = logTail(folder, 'kubelet');
      throw new Error(`no node within ${READY_WITHIN_MS / 1000} s, as ${reason}:\n${log}`);
    }
    note(`waiting: ${reason}`);
    await sleep(200);
  }
}
