import { resultsHost } from '../../forges/github/results_host.ts';
import { PodPart } from '../../resources/group.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import { type NodeCache, type NodeCacheSettings, nodeCacheMount } from './node_cache.ts';

/** What of the installation shapes every runner pod. */
export interface RunnerSettings {
  /** Image of the sidecar. */
  image: string;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never' | undefined;
  /** Where the sidecar reaches the api. */
  apiUrl: string;
  /** Absent where pools may not keep anything on the nodes. */
  nodeCache?: NodeCacheSettings | undefined;
}

/**
 * Resolves when the sidecar listens, fails after 10 s. As a postStart hook, since kubelet starts the next container
 * only after it, to the millisecond; a startup probe would be asked once a second, and kubelet's own HTTP and TCP
 * probes don't reach the pod's loopback.
 */
const WAIT_UNTIL_LISTENING = `
const end = Date.now() + 10000;
const attempt = () => require('node:net').connect(${PodPart.sidecarPort}, '127.0.0.1')
  .on('connect', () => process.exit(0))
  .on('error', () => Date.now() > end ? process.exit(1) : setTimeout(attempt, 20));
attempt();
`.trim();

/**
 * The native sidecar: an init container that keeps on running, and ends after the last ordinary container.
 * @param blobHost Whether the pod has the alias from which @actions/cache restores in parallel.
 */
export function sidecarContainer(
  spec: RunnerPoolSpec,
  settings: RunnerSettings,
  blobHost: boolean,
  nodeCache?: NodeCache | undefined,
): Record<string, unknown> {
  const upstream = resultsUpstream(spec.forge);
  return {
    name: PodPart.sidecarContainer,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    args: ['sidecar'],
    restartPolicy: 'Always',
    env: [
      { name: 'HARRIER_API_URL', value: settings.apiUrl },
      { name: 'HARRIER_TOKEN_FILE', value: `${PodPart.tokenPath}/${PodPart.tokenFile}` },
      { name: 'HARRIER_PORT', value: String(PodPart.sidecarPort) },
      ...(spec.agent.enabled
        ? [{ name: 'HARRIER_AGENT_TOKEN_FILE', value: `${PodPart.tokenPath}/${PodPart.agentTokenFile}` }]
        : []),
      ...(spec.artifacts.enabled ? [{ name: 'HARRIER_ARTIFACTS', value: 'true' }] : []),
      ...(nodeCache === undefined ? [] : nodeCacheEnvironment(nodeCache)),
      ...(blobHost ? [{ name: 'HARRIER_BLOB_HOST', value: PodPart.blobHost }] : []),
      ...(upstream === undefined ? [] : [{ name: 'HARRIER_RESULTS_UPSTREAM', value: upstream }]),
    ],
    lifecycle: { postStart: { exec: { command: ['node', '-e', WAIT_UNTIL_LISTENING] } } },
    resources: {
      requests: { cpu: '10m', memory: '64Mi' },
      limits: { memory: '512Mi' },
    },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: PodPart.sidecarUser,
      runAsGroup: PodPart.sidecarUser,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: PodPart.tokenVolume, mountPath: PodPart.tokenPath, readOnly: true },
      ...(nodeCache === undefined ? [] : [nodeCacheMount()]),
    ],
  };
}

function nodeCacheEnvironment({ limitBytes, tenant }: NodeCache) {
  return [
    { name: 'HARRIER_NODE_CACHE_DIR', value: PodPart.nodeCachePath },
    { name: 'HARRIER_NODE_CACHE_BYTES', value: String(limitBytes) },
    { name: 'HARRIER_NODE_CACHE_TENANT', value: tenant },
  ];
}

/** Where the forge's own results service is, for what of its API isn't cache; none has none. */
function resultsUpstream(forge: RunnerPoolSpec['forge']): string | undefined {
  if (forge.type === 'none' || forge.type === 'gitlab') return undefined;
  const host = forge.type !== 'github' || forge.url === undefined ? undefined : resultsHost(forge.url);
  return host === undefined ? forge.url : `https://${host}`;
}
