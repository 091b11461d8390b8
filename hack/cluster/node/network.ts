import { existsSync } from 'node:fs';
import { run } from '../../run/command.ts';
import { type ClusterNetwork, chooseSlot, hostInterface, networkAt, slotOfLink } from './addresses.ts';

/**
 * Makes the cluster's network namespace, joined to the host by a veth pair: the node's address sits on the
 * inner end, and the host routes the pods' and Services' ranges to it. Makes only what is missing.
 * To be called before the control plane starts: its certificates need the addresses.
 */
export async function createNetwork(name: string): Promise<ClusterNetwork> {
  const present = await existingNetwork(name);
  if (present !== undefined) return present;
  await removeNetwork(name);
  const network = networkAt(name, chooseSlot(name, await hostRoutes()));
  const { netnsName, hostInterface: device, hostAddress, nodeAddress } = network;

  await run('ip', ['netns', 'add', netnsName]);
  await run('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netnsName]);
  await run('ip', ['addr', 'add', `${hostAddress}/30`, 'dev', device]);
  await run('ip', ['link', 'set', device, 'up']);
  const inside = (...args: string[]) => run('ip', ['-n', netnsName, ...args]);
  await inside('link', 'set', 'lo', 'up');
  await inside('addr', 'add', `${nodeAddress}/30`, 'dev', 'eth0');
  await inside('link', 'set', 'eth0', 'up');
  await inside('route', 'add', 'default', 'via', hostAddress);
  // /proc/sys/net is that of the process that opens it, so this leaves the host's own forwarding as it is.
  await inNetns(network, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  for (const range of lastRoutes(network)) {
    await run('ip', ['route', 'replace', range, 'via', nodeAddress, 'dev', device]);
  }
  return network;
}

/** The network of a cluster that has a whole one; the kernel is the only record of it. */
export async function existingNetwork(name: string): Promise<ClusterNetwork | undefined> {
  const device = hostInterface(name);
  const links = (await ipJson(['-4', 'addr', 'show'])) as Link[];
  const link = links.find((one) => one.ifname === device);
  const address = link?.addr_info?.[0]?.local;
  const slot = address === undefined ? undefined : slotOfLink(address);
  if (slot === undefined) return undefined;
  const network = networkAt(name, slot);
  const routes = await hostRoutes();
  const whole = existsSync(network.netns) && lastRoutes(network).every((range) => routes.includes(range));
  return whole ? network : undefined;
}

/** Written last, so that a network whose making was killed is known by their lack. */
function lastRoutes(network: ClusterNetwork): string[] {
  return [network.podCidr, network.serviceCidr];
}

/** Removes the namespace, the pair and the routes, which go with it. Nothing there is no error. */
export async function removeNetwork(name: string): Promise<void> {
  const { netns, netnsName } = networkAt(name, 0);
  const device = hostInterface(name);
  if (existsSync(`/sys/class/net/${device}`)) await run('ip', ['link', 'delete', device]);
  if (existsSync(netns)) await run('ip', ['netns', 'delete', netnsName]);
}

/**
 * Runs a program in the cluster's network. Not by `ip netns exec`: that mounts a new /sys over the cgroup
 * tree, in which a kubelet then finds no cgroups.
 */
export function inNetns(network: Pick<ClusterNetwork, 'netns'>, command: readonly string[]): Promise<string> {
  return run('nsenter', [`--net=${network.netns}`, ...command]);
}

async function hostRoutes(): Promise<string[]> {
  const routes = (await ipJson(['-4', 'route', 'show', 'table', 'all'])) as { dst: string }[];
  return routes.map((route) => route.dst).filter((destination) => /^\d/.test(destination));
}

async function ipJson(args: readonly string[]): Promise<unknown> {
  return JSON.parse((await run('ip', ['-j', ...args])) || '[]');
}

interface Link {
  readonly ifname?: string;
  readonly addr_info?: readonly { readonly local?: string }[];
}
