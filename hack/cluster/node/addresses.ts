import { createHash } from 'node:crypto';

/** Where everything of one cluster is found on the network; the names are the kernel's. */
export interface ClusterNetwork {
  /** For `nsenter --net=`; every process of the cluster runs in it. */
  readonly netns: string;
  readonly netnsName: string;
  /** The host's end of the veth pair. */
  readonly hostInterface: string;
  readonly hostAddress: string;
  /** The node's InternalIP and the address under which the host reaches kube-apiserver and NodePorts. */
  readonly nodeAddress: string;
  readonly podCidr: string;
  /** The host routes to it, so that it can use a Service's ClusterIP as a pod does. */
  readonly serviceCidr: string;
  /** ClusterIP of kube-dns: the tenth of the range, by custom. */
  readonly dnsAddress: string;
}

/** Each slot is one cluster's share of three ranges: 10.64/12 for pods, 10.80/12 for Services, 10.112/18 for links. */
export const SLOTS = 4096;

export function networkAt(name: string, slot: number): ClusterNetwork {
  const high = slot >> 8;
  const low = slot & 255;
  const link = `10.112.${slot >> 6}`;
  const first = (slot & 63) * 4;
  return {
    netns: `/var/run/netns/harrier-${name}`,
    netnsName: `harrier-${name}`,
    hostInterface: hostInterface(name),
    hostAddress: `${link}.${first + 1}`,
    nodeAddress: `${link}.${first + 2}`,
    podCidr: `10.${64 + high}.${low}.0/24`,
    serviceCidr: `10.${80 + high}.${low}.0/24`,
    dnsAddress: `10.${80 + high}.${low}.10`,
  };
}

/** Interface names end at 15 characters, cluster names don't: hence a hash. */
export function hostInterface(name: string): string {
  return `hr${digest(name).toString('hex').slice(0, 10)}`;
}

/** The slot whose link has the host's address given, or undefined for an address that is not a link of ours. */
export function slotOfLink(hostAddress: string): number | undefined {
  const [a, b, c, d] = hostAddress.split('.').map(Number);
  if (a !== 10 || b !== 112 || c === undefined || c > 63 || d === undefined || d % 4 !== 1) return undefined;
  return c * 64 + (d - 1) / 4;
}

/**
 * The cluster's slot: the one its name hashes to, or the next whose ranges no route of the host touches,
 * so that neither another cluster nor the machine's own network is shadowed.
 * `routes` are destinations in CIDR form; wide ones (under /16) are passed over, as ours are more specific.
 */
export function chooseSlot(name: string, routes: readonly string[]): number {
  const taken = routes.map(parseCidr).filter((range) => range.size <= 1 << 16);
  const wanted = digest(name).readUInt16BE(0) % SLOTS;
  for (let step = 0; step < SLOTS; step += 1) {
    const slot = (wanted + step) % SLOTS;
    const { podCidr, serviceCidr, nodeAddress } = networkAt(name, slot);
    const ours = [podCidr, serviceCidr, `${nodeAddress}/30`].map(parseCidr);
    if (!ours.some((range) => taken.some((other) => overlap(range, other)))) return slot;
  }
  throw new Error('no address range is left for another cluster: routes of the host cover all of them');
}

function digest(name: string): Buffer {
  return createHash('sha256').update(name).digest();
}

interface Range {
  readonly start: number;
  readonly size: number;
}

function parseCidr(cidr: string): Range {
  const [address = '', bits = '32'] = cidr.split('/');
  const value = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const size = 2 ** (32 - Number(bits));
  return { start: value - (value % size), size };
}

function overlap(a: Range, b: Range): boolean {
  return a.start < b.start + b.size && b.start < a.start + a.size;
}
