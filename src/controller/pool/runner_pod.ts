import type { Manifest } from '../../kube/types.ts';
import { Annotation, API_VERSION, GROUP, Label, PodPart, tokenSecretName } from '../../resources/group.ts';
import type { RunnerPoolSpec } from '../../resources/runner_pool.ts';
import { interceptionOf } from '../interception/standing.ts';
import { aliasesWithBlobHost, type HostAlias } from './blob_alias.ts';
import { interceptionVolumes, withInterception } from './interception_parts.ts';
import { withJoin } from './join_parts.ts';
import { type NodeCache, nodeCacheContainer, nodeCacheOf, nodeCacheVolume } from './node_cache.ts';
import { runnerEnvironment } from './runner_environment.ts';
import { poolLabel, runnerName } from './runner_name.ts';
import { type RunnerSettings, sidecarContainer } from './sidecar_container.ts';

export interface RunnerPlace {
  slot: number;
  serial: number;
  attempt: number;
  templateHash: string;
}

interface PoolIdentity {
  namespace: string;
  name: string;
  uid: string;
  spec: RunnerPoolSpec;
}

/** The pod of one runner: the template with everything kept, and Harrier's parts put in. */
export function runnerPod(pool: PoolIdentity, place: RunnerPlace, settings: RunnerSettings): Manifest {
  const name = runnerName(pool, place.slot, place.serial);
  const standing = nodeCacheOf({ metadata: pool, spec: pool.spec }, settings.nodeCache);
  const nodeCache = standing.standing === 'Given' ? standing.given : undefined;
  const { metadata, spec } = runnerShape(pool.spec, settings, nodeCache);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: pool.namespace,
      labels: {
        ...metadata.labels,
        [Label.pool]: poolLabel(pool.name),
        [Label.poolUid]: pool.uid,
        [Label.slot]: String(place.slot),
        [Label.templateHash]: place.templateHash,
      },
      annotations: {
        ...metadata.annotations,
        [Annotation.attempt]: String(place.attempt),
        [Annotation.serial]: String(place.serial),
      },
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: 'RunnerPool',
          name: pool.name,
          uid: pool.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      ...spec,
      volumes: [
        ...(spec.volumes ?? []),
        tokenVolume(name, pool.spec.agent.enabled),
        ...(interceptionOf(pool.spec).standing === 'Given' ? interceptionVolumes(pool.name) : []),
      ],
    },
  };
}

/** What all runners of the pool have in common: the pod but for its name, its place and its own Secret. */
export function runnerShape(spec: RunnerPoolSpec, settings: RunnerSettings, nodeCache?: NodeCache) {
  const plain = plainShape(spec, settings, nodeCache);
  const shape = { ...plain, spec: withJoin(plain.spec, spec, settings) };
  const interception = interceptionOf(spec);
  if (interception.standing !== 'Given') return shape;
  return { ...shape, spec: withInterception(shape.spec, interception.host) };
}

function plainShape(spec: RunnerPoolSpec, settings: RunnerSettings, nodeCache: NodeCache | undefined) {
  const template = spec.template.spec as PodSpec;
  const runner = template.containers.find(({ name }) => name === PodPart.runnerContainer);
  const hostAliases = aliasesWithBlobHost(spec.cache, template.hostAliases ?? [], runner?.env ?? []);
  const enabled = { cache: spec.cache.enabled, artifacts: spec.artifacts.enabled };
  return {
    metadata: {
      labels: withoutReserved(spec.template.metadata?.labels),
      annotations: withoutReserved(spec.template.metadata?.annotations),
    },
    spec: {
      ...template,
      ...(hostAliases === undefined ? {} : { hostAliases }),
      restartPolicy: 'Never',
      automountServiceAccountToken: template.automountServiceAccountToken ?? false,
      initContainers: [
        ...(nodeCache === undefined ? [] : [nodeCacheContainer(settings)]),
        sidecarContainer(spec, settings, hostAliases !== undefined, nodeCache),
        ...(template.initContainers ?? []),
      ],
      ...(nodeCache === undefined
        ? {}
        : { volumes: [...(template.volumes ?? []), nodeCacheVolume(nodeCache)] }),
      containers: template.containers.map((container) =>
        container.name === PodPart.runnerContainer
          ? { ...container, env: runnerEnvironment(container.env ?? [], enabled) }
          : container,
      ),
    },
  };
}

/** The parts of a core/v1 PodSpec that are touched; all others pass through unseen. */
type PodSpec = Record<string, unknown> & {
  automountServiceAccountToken?: boolean;
  hostAliases?: HostAlias[];
  containers: ({ name: string; env?: ({ name: string } & Record<string, unknown>)[] } & Record<
    string,
    unknown
  >)[];
  initContainers?: Record<string, unknown>[];
  volumes?: Record<string, unknown>[];
};

/**
 * Not optional: kubelet holds the pod until the Secret is there, so no runner starts without an identity. The agent's
 * token is: were agent mode switched off between the pod and its Secret, the pod would wait for that key for ever.
 */
function tokenVolume(podName: string, agent: boolean): Record<string, unknown> {
  const name = tokenSecretName(podName);
  const file = (key: string) => ({ name, items: [{ key, path: key }] });
  return {
    name: PodPart.tokenVolume,
    projected: {
      sources: [
        { secret: file(PodPart.tokenFile) },
        ...(agent ? [{ secret: { ...file(PodPart.agentTokenFile), optional: true } }] : []),
      ],
    },
  };
}

function withoutReserved(map: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !key.startsWith(`${GROUP}/`)));
}
