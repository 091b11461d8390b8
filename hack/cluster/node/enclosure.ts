import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../processes/identity.ts';
import { listOwned, logTail, type OwnedProcess, startOwned } from '../../processes/owned.ts';
import { run } from '../../run/command.ts';
import type { ClusterNetwork } from './addresses.ts';
import { type ClusterGroups, createGroups } from './control_groups.ts';
import { daemonPath } from './prerequisites.ts';

/**
 * Folders whose paths are fixed in containerd's shims and the kubelet. The node sees folders of its own there,
 * so that two nodes and a containerd of the machine's own never meet. Beside it these names only get shorter:
 * a UNIX socket's path ends at 107 bytes.
 */
const OWN_FOLDERS = ['/run/containerd', '/var/lib/kubelet', '/var/log/pods', '/var/log/containers'];

/**
 * Settings of the whole machine that a kubelet insists on. It is shown a file with its own wish in place of each
 * (and told to change none), so that the machine keeps the values it has.
 */
const KERNEL_SETTINGS: Readonly<Record<string, string>> = {
  '/proc/sys/vm/overcommit_memory': '1',
  '/proc/sys/vm/panic_on_oom': '0',
  '/proc/sys/kernel/panic': '10',
  '/proc/sys/kernel/panic_on_oops': '1',
  '/proc/sys/kernel/keys/root_maxkeys': '1000000',
  '/proc/sys/kernel/keys/root_maxbytes': '25000000',
};

/**
 * What the node runs in: the cluster's network namespace, a mount namespace and cgroups of its own.
 * Every mount that containerd and the kubelet make is in that mount namespace only, so the kernel
 * takes all of them back with its last process, whatever ended that.
 */
export interface Enclosure {
  readonly folder: string;
  readonly groups: ClusterGroups;
  start(name: string, program: string, args: readonly string[]): OwnedProcess;
  /** Runs a program in the enclosure to its end. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
}

export async function createEnclosure(
  name: string,
  folder: string,
  network: ClusterNetwork,
): Promise<Enclosure> {
  const groups = createGroups(name);
  const own = (path: string) => join(folder, 'node', path.slice(1).replaceAll('/', '-'));
  for (const path of OWN_FOLDERS) {
    mkdirSync(path, { recursive: true });
    mkdirSync(own(path), { recursive: true });
  }
  for (const [path, wish] of Object.entries(KERNEL_SETTINGS)) writeFileSync(own(path), `${wish}\n`);
  const ready = join(folder, 'node', 'enclosed');
  rmSync(ready, { force: true });
  const binds = [...OWN_FOLDERS, ...Object.keys(KERNEL_SETTINGS)].map(
    (path) => `mount --bind "${own(path)}" ${path}`,
  );
  // Shared among themselves, as the kubelet asks for, and with nothing outside.
  const script = ['set -e', 'mount --make-rshared /', ...binds, `: > "${ready}"`, 'exec sleep infinity'];
  const keeper = startInGroup(folder, network, groups, 'enclosure', [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    script.join('\n'),
  ]);
  while (!existsSync(ready)) {
    if (!isAlive(keeper)) throw new Error(`no mount namespace:\n${logTail(folder, 'enclosure')}`);
    await sleep(10);
  }
  return enclosureOf(folder, network, groups, keeper);
}

/** The enclosure of a node that was started earlier, by whichever process. */
export function openEnclosure(name: string, folder: string, network: ClusterNetwork): Enclosure {
  const keeper = listOwned(folder).find((owned) => owned.name === 'enclosure');
  if (keeper === undefined) throw new Error(`cluster ${name} has no running node`);
  return enclosureOf(folder, network, createGroups(name), keeper);
}

function enclosureOf(
  folder: string,
  network: ClusterNetwork,
  groups: ClusterGroups,
  keeper: OwnedProcess,
): Enclosure {
  const enter = ['nsenter', `--mount=/proc/${keeper.pid}/ns/mnt`];
  return {
    folder,
    groups,
    start: (daemon, program, args) =>
      startInGroup(folder, network, groups, daemon, [...enter, program, ...args]),
    run: (program, args, input) =>
      run('nsenter', [`--net=${network.netns}`, ...enter.slice(1), program, ...args], {
        env: { PATH: daemonPath() },
        ...(input === undefined ? {} : { input }),
      }),
  };
}

function startInGroup(
  folder: string,
  network: ClusterNetwork,
  groups: ClusterGroups,
  name: string,
  command: readonly string[],
): OwnedProcess {
  // The shell joins the group before it becomes the daemon: no child of it can be born outside.
  const joinGroup = ['-c', 'echo $$ > "$0" && exec "$@"', groups.daemonsFile, ...command];
  return startOwned({
    folder,
    name,
    program: 'sh',
    args: joinGroup,
    netns: network.netnsName,
    env: { PATH: daemonPath() },
  });
}
