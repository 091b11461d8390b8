import { PodPart } from '../../resources/group.ts';
import {
  AUTHORITY_FILE,
  BUNDLE_FILE,
  CERTIFICATE_FILE,
  interceptionSecretName,
  KEY_FILE,
  UPSTREAM_ROOTS_FILE,
} from '../interception/names.ts';
import { HTTPS_PORT, LOW_PORTS_SYSCTL } from '../interception/standing.ts';
import type { HostAlias } from './blob_alias.ts';

type Variable = { name: string } & Record<string, unknown>;
type Container = { name: string; env?: Variable[]; volumeMounts?: unknown[] } & Record<string, unknown>;
type PodSpec = {
  hostAliases?: HostAlias[];
  securityContext?: { sysctls?: { name: string }[] };
  initContainers: Container[];
  containers: Container[];
};

const OUR_CONTAINERS: ReadonlySet<string> = new Set([
  PodPart.sidecarContainer,
  PodPart.nodeCacheContainer,
  PodPart.joinContainer,
]);

const BUNDLE = `${PodPart.trustPath}/${BUNDLE_FILE}`;
/** What makes programs trust the pool's authority: Node's adds to its roots, the others replace them. */
const TRUST: readonly { name: string; value: string }[] = [
  { name: 'NODE_EXTRA_CA_CERTS', value: `${PodPart.trustPath}/${AUTHORITY_FILE}` },
  // OpenSSL, and with it .NET and Python; Go, rustls, curl's command.
  { name: 'SSL_CERT_FILE', value: BUNDLE },
  { name: 'CURL_CA_BUNDLE', value: BUNDLE },
  { name: 'GIT_SSL_CAINFO', value: BUNDLE },
  { name: 'REQUESTS_CA_BUNDLE', value: BUNDLE },
];

/**
 * The pod in which the host leads to the sidecar, and is trusted there. In every container of the template: they have
 * one hosts file, so one without the pool's authority would reach no results service at all.
 */
export function withInterception<T extends object>(pod: T, host: string): T {
  const { hostAliases = [], securityContext = {}, initContainers, containers } = pod as T & PodSpec;
  const { sysctls = [] } = securityContext;
  const low = { name: LOW_PORTS_SYSCTL, value: String(HTTPS_PORT) };
  return {
    ...pod,
    hostAliases: withAlias(hostAliases, PodPart.resultsAddress, host),
    // For a sidecar that is nobody: a capability would reach it only by a file's, which no new privileges forbid.
    securityContext: {
      ...securityContext,
      sysctls: sysctls.some(({ name }) => name === LOW_PORTS_SYSCTL) ? sysctls : [...sysctls, low],
    },
    initContainers: initContainers.map(intercepting),
    containers: containers.map(intercepting),
  };
}

function intercepting(container: Container): Container {
  if (container.name === PodPart.sidecarContainer) return standingIn(container);
  return OUR_CONTAINERS.has(container.name) ? container : trusting(container);
}

function standingIn(sidecar: Container): Container {
  return {
    ...sidecar,
    env: [
      ...(sidecar.env ?? []),
      { name: 'HARRIER_INTERCEPTION_ADDRESS', value: `${PodPart.resultsAddress}:${HTTPS_PORT}` },
      { name: 'HARRIER_INTERCEPTION_DIR', value: PodPart.interceptionPath },
    ],
    volumeMounts: [
      ...(sidecar.volumeMounts ?? []),
      { name: PodPart.interceptionVolume, mountPath: PodPart.interceptionPath, readOnly: true },
    ],
  };
}

function trusting(container: Container): Container {
  const own = new Set((container.env ?? []).map(({ name }) => name));
  return {
    ...container,
    env: [...(container.env ?? []), ...TRUST.filter(({ name }) => !own.has(name))],
    volumeMounts: [
      ...(container.volumeMounts ?? []),
      { name: PodPart.trustVolume, mountPath: PodPart.trustPath, readOnly: true },
    ],
  };
}

/** One entry an address: of two, a server-side apply of the pod by somebody else would lose one. */
function withAlias(aliases: readonly HostAlias[], ip: string, host: string): HostAlias[] {
  const named = aliases.filter((one) => one.ip === ip).flatMap(({ hostnames }) => hostnames ?? []);
  return [...aliases.filter((one) => one.ip !== ip), { ip, hostnames: [...named, host] }];
}

/** Not optional: kubelet holds the pod until the Secret is there. Each container mounts its own half of it. */
export function interceptionVolumes(poolName: string): Record<string, unknown>[] {
  const name = interceptionSecretName(poolName);
  const half = (volume: string, files: string[]) => ({
    name: volume,
    projected: { sources: [{ secret: { name, items: files.map((key) => ({ key, path: key })) } }] },
  });
  return [
    half(PodPart.interceptionVolume, [CERTIFICATE_FILE, KEY_FILE, UPSTREAM_ROOTS_FILE]),
    half(PodPart.trustVolume, [AUTHORITY_FILE, BUNDLE_FILE]),
  ];
}
