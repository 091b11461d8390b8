import { PodPart } from '../../resources/group.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';

export interface HostAlias {
  ip: string;
  hostnames?: string[];
}

const LOOPBACK = '127.0.0.1';
const PROXIES = new Set(['http_proxy', 'https_proxy', 'all_proxy']);

/**
 * The pod's host aliases, the template's own before ours; undefined where the runner shall restore by plain GETs, or
 * where the alias could not work: the template gives the name to another address, or the job has a proxy, to which
 * clients would send requests for any host that they don't know for loopback.
 */
export function aliasesWithBlobHost(
  cache: RunnerPoolSpec['cache'],
  own: readonly HostAlias[],
  environment: readonly { name: string }[],
): HostAlias[] | undefined {
  if (!cache.enabled || cache.parallelRestores !== 'Always') return undefined;
  if (own.some(({ hostnames }) => hostnames?.includes(PodPart.blobHost))) return undefined;
  if (environment.some(({ name }) => PROXIES.has(name.toLowerCase()))) return undefined;
  const others = own.filter(({ ip }) => ip !== LOOPBACK);
  // One entry an address: of two, a server-side apply of the pod by somebody else would lose one.
  const named = own.filter(({ ip }) => ip === LOOPBACK).flatMap(({ hostnames }) => hostnames ?? []);
  return [...others, { ip: LOOPBACK, hostnames: [...named, PodPart.blobHost] }];
}
