import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** One mounted cgroup hierarchy: on v1 one per controller, on v2 one for all, on hybrid machines both kinds. */
interface Hierarchy {
  readonly mount: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/** The cluster's own cgroups, below which everything it runs stays, so that it can be ended to the last process. */
export interface ClusterGroups {
  /** cgroup.procs file that a daemon writes its own pid to before it becomes the daemon. */
  readonly daemonsFile: string;
  /** The kubelet's --cgroup-root. */
  readonly podsRoot: string;
}

/** Makes the cluster's cgroups in every hierarchy there is. */
export function createGroups(name: string): ClusterGroups {
  const all = hierarchies();
  for (const hierarchy of all) {
    makeGroup(hierarchy, groupOf(name));
    makeGroup(hierarchy, `${groupOf(name)}/pods`);
  }
  const tracking = trackingHierarchy(all);
  makeGroup(tracking, `${groupOf(name)}/daemons`);
  return {
    daemonsFile: join(tracking.mount, groupOf(name), 'daemons', 'cgroup.procs'),
    podsRoot: `/${groupOf(name)}/pods`,
  };
}

/** Ends every process in the cluster's cgroups, shims and containers among them, and removes the cgroups. */
export async function removeGroups(name: string): Promise<void> {
  const roots = hierarchies()
    .map(({ mount }) => join(mount, groupOf(name)))
    .filter(existsSync);
  const deadline = Date.now() + 20_000;
  while (roots.some((root) => !removeTree(root))) {
    if (Date.now() > deadline) throw new Error(`processes do not end in ${roots.filter(existsSync)}`);
    for (const root of roots) killTree(root);
    await sleep(20);
  }
}

/** The processes in the cluster's cgroups. */
export function processesOf(name: string): number[] {
  const found = hierarchies().flatMap(({ mount }) =>
    tree(join(mount, groupOf(name))).flatMap((folder) => processesIn(folder)),
  );
  return [...new Set(found)];
}

const groupOf = (name: string) => `harrier-${name}`;

function hierarchies(): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    // proc_pid_mountinfo(5): the optional fields end at a lone hyphen; then type, source, superblock options.
    const [before = '', after = ''] = line.split(' - ');
    const mount = before.split(' ')[4] ?? '';
    const [type, , options = ''] = after.split(' ');
    if (type === 'cgroup2') found.set(mount, { mount, version: 2, controllers: controllersOf(mount) });
    if (type === 'cgroup') found.set(mount, { mount, version: 1, controllers: options.split(',') });
  }
  return [...found.values()];
}

function controllersOf(mount: string): string[] {
  return readFileSync(join(mount, 'cgroup.controllers'), 'utf8').trim().split(' ').filter(Boolean);
}

/**
 * Where daemons are put: the v2 hierarchy where there is one, as runc on a v1 machine leaves a container
 * there in its parent's group, so that the group holds shims and containers too.
 */
function trackingHierarchy(all: readonly Hierarchy[]): Hierarchy {
  const chosen =
    all.find(({ version }) => version === 2) ?? all.find(({ controllers }) => controllers.includes('pids'));
  if (chosen === undefined) throw new Error('no cgroup hierarchy is mounted: a node cannot run here');
  return chosen;
}

function makeGroup({ mount, version, controllers }: Hierarchy, group: string): void {
  const folder = join(mount, group);
  mkdirSync(folder, { recursive: true });
  const parent = join(folder, '..');
  if (version === 2) {
    if (group.endsWith('/daemons')) return;
    // A group's controllers are handed down by its parent; those that the kernel withholds, runc reports by name.
    for (const controller of controllers) {
      attempt(() => writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`));
      attempt(() => writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`));
    }
  } else if (controllers.includes('cpuset')) {
    // cpuset(7): a v1 group starts with no processors and no memory, and takes no process until it has some.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (readFileSync(join(folder, file), 'utf8').trim() !== '') continue;
      writeFileSync(join(folder, file), readFileSync(join(parent, file), 'utf8'));
    }
  }
}

function killTree(root: string): void {
  for (const folder of tree(root)) {
    for (const pid of processesIn(folder)) attempt(() => process.kill(pid, 'SIGKILL'));
    // A frozen v1 group acts on no signal until it thaws.
    const freezer = join(folder, 'freezer.state');
    if (existsSync(freezer)) attempt(() => writeFileSync(freezer, 'THAWED'));
  }
}

function removeTree(root: string): boolean {
  return tree(root)
    .reverse()
    .every((folder) => attempt(() => rmdirSync(folder)));
}

/** The group and those below it, parents first. */
function tree(root: string): string[] {
  if (!existsSync(root)) return [];
  const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [root, ...below.flatMap((entry) => tree(join(root, entry.name)))];
}

function processesIn(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8')
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
