import { resultsHost } from '../../forges/github/results_host.ts';
import { PodPart } from '../../resources/group.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import { passesBy } from './passes_by.ts';

export type InterceptionStanding =
  | { standing: 'NotAsked' }
  /** The name of the results service that leads to the sidecar. */
  | { standing: 'Given'; host: string }
  | { standing: 'Refused'; reason: string; message: string };

/** A port below this one is bound by whoever the kernel lets (ip(7)). */
export const LOW_PORTS_SYSCTL = 'net.ipv4.ip_unprivileged_port_start';
export const HTTPS_PORT = 443;

/** What the runner itself and the actions read their roots from: with others they would trust no results service. */
const NEEDED_ROOTS = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'];
const RUNNER = `spec.template.spec.containers[${PodPart.runnerContainer}]`;

/** Whether the name of the results service leads to the sidecar in the pool's pods; pure. */
export function interceptionOf({ forge, cache, template }: RunnerPoolSpec): InterceptionStanding {
  if (forge.type !== 'github' || !cache.enabled || !cache.intercept) return { standing: 'NotAsked' };
  const host = forge.url === undefined ? undefined : resultsHost(forge.url);
  if (host === undefined)
    return refused(
      'EnterpriseServer',
      'GitHub Enterprise Server keeps caches at its own host, where its API and git are as well',
    );
  const pod = template.spec as Template;
  if (pod.hostAliases?.some(({ hostnames }) => hostnames?.includes(host)))
    return refused('OwnAlias', `spec.template.spec.hostAliases gives ${host} an address of its own`);
  const low = pod.securityContext?.sysctls?.find(({ name }) => name === LOW_PORTS_SYSCTL);
  if (low !== undefined && !(Number(low.value) <= HTTPS_PORT))
    return refused(
      'OwnSysctl',
      `${LOW_PORTS_SYSCTL} of the template keeps the sidecar off port ${HTTPS_PORT}`,
    );
  const environment = pod.containers.find(({ name }) => name === PodPart.runnerContainer)?.env ?? [];
  const roots = environment.find(({ name }) => NEEDED_ROOTS.includes(name));
  if (roots !== undefined)
    return refused('OwnRoots', `${RUNNER}.env has ${roots.name}: its roots don't know the pool's authority`);
  const proxy = passesBy(environment, host);
  if (proxy !== undefined)
    return refused(
      'Proxy',
      `${RUNNER}.env has ${proxy}: a proxy would be asked for ${host}, unless NO_PROXY names it`,
    );
  return { standing: 'Given', host };
}

function refused(reason: string, message: string): InterceptionStanding {
  return { standing: 'Refused', reason, message };
}

/** What of a core/v1 PodSpec is looked at. */
interface Template {
  hostAliases?: { hostnames?: string[] }[];
  securityContext?: { sysctls?: { name: string; value: string }[] };
  containers: { name: string; env?: { name: string; value?: string }[] }[];
}
