/** Names that both kinds, the cluster and the code agree on: one list, so that a label is never spelled twice. */
export const GROUP = 'harrier.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

export const Label = {
  /** Pool name; the scale subresource's selector is this label alone. */
  pool: `${GROUP}/pool`,
  poolUid: `${GROUP}/pool-uid`,
  /** Which of the pool's `replicas` places the pod fills, 0-based. */
  slot: `${GROUP}/slot`,
  /** Hash of the template (and all else that shapes the pod) the pod was made from. */
  templateHash: `${GROUP}/template-hash`,
} as const;

export const Annotation = {
  /** How often starting a runner in this slot has been tried in a row, 1-based. */
  attempt: `${GROUP}/attempt`,
  /** Tells apart the pods that have filled one slot one after the other; part of what the pod's name derives from. */
  serial: `${GROUP}/serial`,
  /** RFC 3339 time since when a busy runner has been wanted gone; it is deleted drainTimeout later. */
  drainSince: `${GROUP}/drain-since`,
  /** RFC 3339 time at which a runner that is wanted gone will be deleted, busy or not. */
  drainDeadline: `${GROUP}/drain-deadline`,
  /** On the signing-key Secret's public ConfigMap: an RFC 3339 time; a key older than it is rotated. */
  rotateRequested: `${GROUP}/rotate-requested`,
} as const;

export const Finalizer = {
  /** Holds a deleted pool until its busy runners have finished. */
  drain: `${GROUP}/drain`,
  /** Holds a deleted pool until its records in the forge are gone, or forgeCleanupTimeout is over. */
  forge: `${GROUP}/forge`,
} as const;

/** Containers and volumes that the controller puts into each runner pod. */
export const PodPart = {
  runnerContainer: 'runner',
  sidecarContainer: 'harrier',
  tokenVolume: 'harrier-token',
  /** Where the sidecar, and only it, mounts the token volume. */
  tokenPath: '/var/run/secrets/harrier.dev',
  tokenFile: 'token',
  /** The JWT for the agent connection, in the same Secret and folder, where agent mode is on. */
  agentTokenFile: 'agent',
  /** User and group that the sidecar runs as. */
  sidecarUser: 65_532,
  /** What gives the folder of the node-local cache to the sidecar's user, and the folder's volume. */
  nodeCacheContainer: 'harrier-node-cache',
  nodeCacheVolume: 'harrier-node-cache',
  /** Where the sidecar, and only it, mounts its tenant's folder of the node. */
  nodeCachePath: '/var/cache/harrier',
  /** Brings what the runner joins its forge with into the join folder, as the runner's own user, and ends. */
  joinContainer: 'harrier-join',
  /** In memory; mounted by the join container, the runner and the sidecar. */
  joinVolume: 'harrier-join',
  joinPath: '/var/run/harrier/join',
  /** The certificate that the sidecar, which alone mounts it, shows for the forge's results service; and its key. */
  interceptionVolume: 'harrier-tls',
  interceptionPath: '/var/run/harrier/tls',
  /** What the other containers trust it by. */
  trustVolume: 'harrier-trust',
  trustPath: '/var/run/harrier/trust',
  /** Where the name of that service leads: a loopback address of its own, so that 127.0.0.1:443 stays the job's. */
  resultsAddress: '127.0.84.79',
  /** Loopback port of the sidecar inside the pod. */
  sidecarPort: 8479,
  /**
   * Alias of the pod's loopback from which @actions/cache restores in parallel. No name that Azure could give to
   * somebody: its storage accounts have letters and digits only.
   */
  blobHost: 'harrier-cache.blob.core.windows.net',
} as const;

/** The one audience of agent tokens, and of no other token. */
export const AGENT_AUDIENCE = 'harrier-agent';

/** The audience of the ServiceAccount tokens by which people and programs look after caches and pools. */
export const MANAGEMENT_AUDIENCE = 'harrier-management';

/** Server-side-apply field managers, one a writer, with disjoint fields. */
export const FieldManager = {
  controller: 'harrier-controller',
  api: 'harrier-api',
  /** Of spec.replicas, where spec.autoscaling is given. */
  autoscaler: 'harrier-autoscaler',
} as const;

/** The name of the Secret with the runtime JWT of the pod named. */
export function tokenSecretName(podName: string): string {
  return `${podName}-token`;
}

/** Key, in its Secret, of a registration token's value, where the token names no other. */
export const REGISTRATION_VALUE_KEY = 'token';

/** In Harrier's own namespace: what the controller hands to the api, which may read this Secret and no other. */
export const HANDOVER_SECRET = 'harrier-handover';

/** In Harrier's own namespace: by pool UID the secrets that webhooks are signed with, for the api to verify them. */
export const WEBHOOKS_SECRET = 'harrier-webhooks';

/** Key of the hand-over Secret under which the answer to a request of this token stands. */
export function handoverKey(tokenUid: string, requestId: string): string {
  return `${tokenUid}.${requestId}`;
}

/** Id of the request that a registration is in itself. */
export const FIRST_REQUEST = 'first';
