import { createHash } from 'node:crypto';
import { PodPart } from '../../resources/group.ts';
import { quantityBytes } from '../../resources/quantity.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import { cacheTenant } from '../../tokens/cache_tenant.ts';
import type { RunnerSettings } from './sidecar_container.ts';

/** What the installation allows of the node-local cache. */
export interface NodeCacheSettings {
  /** Folder of the nodes under which every tenant has its own. */
  path: string;
  /** Most bytes that a tenant may have on a node, whatever its pool asks for. */
  maxBytes: number;
}

/** The folder that a pool's runners share with those of the same tenant on a node. */
export interface NodeCache {
  path: string;
  /** SHA-256 of the tenant, in hexadecimal: the folder's name. */
  tenant: string;
  limitBytes: number;
}

export type NodeCacheStanding =
  | { standing: 'NotAsked' }
  | { standing: 'Given'; given: NodeCache }
  | { standing: 'Refused'; reason: string; message: string };

type Pool = Pick<RunnerPool, 'spec'> & { metadata: Pick<RunnerPool['metadata'], 'namespace' | 'name'> };

/** Whether the pool's runners keep on their nodes what they restore, and where; pure. */
export function nodeCacheOf(pool: Pool, allowed: NodeCacheSettings | undefined): NodeCacheStanding {
  const { nodeLocal, enabled, scopesFrom } = pool.spec.cache;
  if (!nodeLocal.enabled) return { standing: 'NotAsked' };
  if (allowed === undefined)
    return refused('NotAllowed', 'this installation allows no node-local cache (cache.nodeLocal.allowed)');
  if (!enabled) return refused('CacheDisabled', 'the pool has no cache (spec.cache.enabled)');
  if (scopesFrom === 'Job')
    return refused(
      'ScopesFromJob',
      'whose job a runner will get is not known when its pod is made, so it can have no folder of its repository alone',
    );
  const tenant = createHash('sha256')
    .update(cacheTenant(pool as RunnerPool))
    .digest('hex');
  const limitBytes = Math.min(quantityBytes(nodeLocal.size), allowed.maxBytes);
  return { standing: 'Given', given: { path: `${allowed.path}/${tenant}`, tenant, limitBytes } };
}

function refused(reason: string, message: string): NodeCacheStanding {
  return { standing: 'Refused', reason, message };
}

/** The tenant's own folder and no other: even a container that mounted the whole volume would see no more. */
export function nodeCacheVolume({ path }: NodeCache): Record<string, unknown> {
  return { name: PodPart.nodeCacheVolume, hostPath: { path, type: 'DirectoryOrCreate' } };
}

export function nodeCacheMount(): Record<string, unknown> {
  return { name: PodPart.nodeCacheVolume, mountPath: PodPart.nodeCachePath };
}

/** Kubelet makes the folder of a hostPath as root's; whoever is not the sidecar's user shall not read it. */
const HAND_OVER = `
const fs = require('node:fs');
const path = ${JSON.stringify(PodPart.nodeCachePath)};
if (fs.statSync(path).uid !== ${PodPart.sidecarUser}) {
  fs.chmodSync(path, 0o700);
  fs.chownSync(path, ${PodPart.sidecarUser}, ${PodPart.sidecarUser});
}
`.trim();

/** Runs before the sidecar, as root with the one capability that it takes to give the folder away. */
export function nodeCacheContainer({
  image,
  imagePullPolicy,
}: Pick<RunnerSettings, 'image' | 'imagePullPolicy'>): Record<string, unknown> {
  return {
    name: PodPart.nodeCacheContainer,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: ['node', '-e', HAND_OVER],
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    securityContext: {
      runAsNonRoot: false,
      runAsUser: 0,
      runAsGroup: 0,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'], add: ['CHOWN'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [nodeCacheMount()],
  };
}
