import type { Manifest } from '../../kube/types.ts';
import { Annotation, API_VERSION, Label, PodPart, tokenSecretName } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenSpec } from '../../resources/runner_token.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import type { RunnerPod } from '../kinds.ts';
import { poolLabel } from '../pool/runner_name.ts';

/** Who the token of this runner speaks for. `audience` is the api's own, which stands first. */
export function tokenSpec(
  pod: RunnerPod,
  pool: RunnerPool,
  parent: RunnerToken,
  audience: string,
): RunnerTokenSpec {
  return {
    type: 'Runtime',
    podRef: { name: pod.metadata.name, uid: pod.metadata.uid },
    poolRef: { name: pool.metadata.name, uid: pool.metadata.uid },
    attempt: Number(pod.metadata.annotations?.[Annotation.attempt] ?? 1),
    audiences: [audience, ...pool.spec.token.audiences.filter((one) => one !== audience)],
    ttl: pool.spec.token.ttl,
    ...(pool.spec.agent.enabled ? { agent: true } : {}),
    ...inherited(parent),
  };
}

/** What a Runtime token has from the Registration token that it descends from. */
export function inherited({
  metadata: { name, uid },
  spec: { scope, routing },
}: RunnerToken): Pick<RunnerTokenSpec, 'parentRef' | 'scope' | 'routing'> {
  return {
    parentRef: { name, uid },
    ...(scope === undefined ? {} : { scope }),
    ...(routing === undefined ? {} : { routing }),
  };
}

/** The RunnerToken of a runner; named as its pod and collected with it. */
export function tokenManifest(
  pod: RunnerPod,
  pool: RunnerPool,
  parent: RunnerToken,
  audience: string,
): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: ofPod(pod, pool, pod.metadata.name),
    spec: tokenSpec(pod, pool, parent, audience),
  };
}

/** The Secret with the runner's JWT and, in agent mode, that of the agent connection: one write refreshes both. */
export function secretManifest(
  pod: RunnerPod,
  pool: RunnerPool,
  issued: Pick<IssuedToken, 'jwt' | 'agentJwt'>,
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: ofPod(pod, pool, tokenSecretName(pod.metadata.name)),
    data: tokenData(issued),
  };
}

/** The data of a Secret with issued JWTs. */
export function tokenData({ jwt, agentJwt }: Pick<IssuedToken, 'jwt' | 'agentJwt'>): Record<string, string> {
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  return {
    [PodPart.tokenFile]: encoded(jwt),
    ...(agentJwt === undefined ? {} : { [PodPart.agentTokenFile]: encoded(agentJwt) }),
  };
}

function ofPod(pod: RunnerPod, pool: RunnerPool, name: string): Manifest['metadata'] {
  return {
    name,
    namespace: pod.metadata.namespace,
    labels: { [Label.pool]: poolLabel(pool.metadata.name), [Label.poolUid]: pool.metadata.uid },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid }],
  };
}
