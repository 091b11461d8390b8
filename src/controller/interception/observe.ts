import { type Secret, SecretKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { Label } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import { ownedBy } from '../kinds.ts';
import type { View } from '../view.ts';
import { type Authority, authoritiesIn, seenAuthority, servedIn, upstreamRootsIn } from './material.ts';
import { authoritySecretName, interceptionSecretName } from './names.ts';
import type { ObservedInterception } from './observed.ts';
import { interceptionOf } from './standing.ts';

/** What was read, with the versions that the next write replaces. */
export interface SeenInterception {
  observed: ObservedInterception;
  authoritySecret: Secret | undefined;
  servedSecret: Secret | undefined;
  authorities: readonly Authority[];
  /** PEM of what the real service may be known by besides public roots: ca.crt of the forge's Secret. */
  upstreamRoots: string;
}

/** Reads both Secrets. Where they are needed, one of that name which isn't the pool's is an error: it is never written. */
export async function observeInterception(
  pool: RunnerPool,
  { client, view }: { client: Pick<KubeClient, 'get'>; view: View },
): Promise<SeenInterception> {
  const standing = interceptionOf(pool.spec);
  const asked = standing.standing === 'Given';
  const [authoritySecret, servedSecret, upstreamRoots] = await Promise.all([
    ownSecret(authoritySecretName(pool.metadata.name), pool, asked, client),
    ownSecret(interceptionSecretName(pool.metadata.name), pool, asked, client),
    asked ? rootsOfForge(pool, client) : '',
  ]);
  const authorities = authoritySecret === undefined ? [] : authoritiesIn(authoritySecret.data ?? {});
  return {
    authoritySecret,
    servedSecret,
    authorities,
    upstreamRoots,
    observed: {
      inUse: mayBeInUse(pool, view),
      ...(standing.standing === 'Given' ? { host: standing.host } : {}),
      ...(authoritySecret === undefined ? {} : { authorities: authorities.map(seenAuthority) }),
      ...(servedSecret === undefined
        ? {}
        : { served: servedIn(servedSecret.data ?? {}, authorities, upstreamRoots) }),
    },
  };
}

async function rootsOfForge(
  { metadata, spec }: RunnerPool,
  client: Pick<KubeClient, 'get'>,
): Promise<string> {
  const name = spec.forge.credentialsSecretRef?.name;
  const secret = name === undefined ? undefined : await client.get(SecretKind, metadata.namespace, name);
  return upstreamRootsIn(secret?.data ?? {});
}

async function ownSecret(
  name: string,
  { metadata }: RunnerPool,
  asked: boolean,
  client: Pick<KubeClient, 'get'>,
): Promise<Secret | undefined> {
  const secret = await client.get(SecretKind, metadata.namespace, name);
  if (secret === undefined || ownedBy(secret, metadata.uid)) return secret;
  if (asked)
    throw new Error(`Secret ${metadata.namespace}/${name} is not the pool's own: remove or rename it`);
  return undefined;
}

/** Whether a pod of another shape than today's lives, or today's is not known yet. */
function mayBeInUse({ metadata, status }: RunnerPool, view: View): boolean {
  if (status?.observedGeneration !== metadata.generation) return true;
  return view.pods
    .byIndex('pool', metadata.uid)
    .some((pod) => pod.metadata.labels?.[Label.templateHash] !== status?.templateHash);
}
