import { BlockList, isIP } from 'node:net';

/**
 * Addresses that no supplied URL may lead to unless the operator says so: this machine, the cloud's metadata service,
 * the cluster and whatever else is not of the public Internet (IANA's special-purpose registries, RFC 6890).
 */
const INTERNAL: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
];
/** Of IPv6 only what is handed out as global unicast, and of that not what leads back into IPv4 or is for examples. */
const GLOBAL_UNICAST = ['2000::', 3] as const;
const NOT_GLOBAL: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const internal = new BlockList();
for (const [network, prefix, family] of INTERNAL) internal.addSubnet(network, prefix, family);
for (const [network, prefix] of NOT_GLOBAL) internal.addSubnet(network, prefix, 'ipv6');
const global6 = new BlockList();
global6.addSubnet(...GLOBAL_UNICAST, 'ipv6');

/** Whether an address is not of the public Internet; what is no address counts as internal. */
export function isInternalAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return internal.check(address, 'ipv4');
  // An IPv4 address in IPv6's clothes (::ffff:127.0.0.1, 64:ff9b::7f00:1) is outside of global unicast as well.
  return family !== 6 || !global6.check(address, 'ipv6') || internal.check(address, 'ipv6');
}
