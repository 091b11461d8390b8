import type { KubeClient } from '../../kube/types.ts';
import { tokenSecretName } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerState, RunnerToken } from '../../resources/runner_token.ts';
import type { Descent } from '../descent.ts';
import type { KeyRing } from '../keys/key_ring.ts';
import { controllerUid, ownedBy, type RunnerPod, runnerPodKind, secretHeadKind } from '../kinds.ts';
import { isRunnerOf } from '../pool/runner_identity.ts';
import { unansweredRequest } from '../requests/serve_request.ts';
import type { View } from '../view.ts';
import { isAsIssued } from './as_issued.ts';
import type { Subject } from './execute.ts';
import type { ObservedIdentity } from './observed.ts';

export interface IdentityObserver {
  client: Pick<KubeClient, 'get'>;
  view: View;
  audience: string;
  descent: Descent;
  ring: Pick<KeyRing, 'has'>;
  /** namespace/name of pods to which an identity is being given at this moment. */
  underWay: ReadonlySet<string>;
  /** Last reported state of runners whose token was deleted, by pod UID. */
  lastStates: ReadonlyMap<string, RunnerState>;
}

/** Gathers what is known of the pod and the RunnerToken of this name. */
export async function observeIdentity(
  namespace: string,
  name: string,
  observer: IdentityObserver,
): Promise<{ observed: ObservedIdentity; subject: Subject }> {
  const { client, view, lastStates } = observer;
  const token = view.tokens.get(namespace, name);
  const pod = await podOf(namespace, name, token, observer);
  const uid = pod === undefined ? undefined : controllerUid(pod, 'RunnerPool');
  const pool = uid === undefined ? undefined : view.pools.byUid(uid);
  const runner = pod !== undefined && pool !== undefined && isRunnerOf(pod, pool);
  const underWay = observer.underWay.has(`${namespace}/${name}`);
  const mayHaveLost = runner && endOf(pod) === undefined && token === undefined && !underWay;
  return {
    subject: { pod, pool, token },
    observed: {
      pod: pod === undefined ? undefined : { uid: pod.metadata.uid, ended: endOf(pod), runner },
      token: token === undefined ? undefined : seenToken(token, pod, pool, observer),
      hadIdentity: mayHaveLost && (await hasSecret(client, pod)),
      lastState: pod === undefined ? undefined : lastStates.get(pod.metadata.uid),
      underWay,
    },
  };
}

/** Two informers run apart: that a token's pod isn't there is believed only of the apiserver itself. */
async function podOf(
  namespace: string,
  name: string,
  token: RunnerToken | undefined,
  { client, view }: IdentityObserver,
): Promise<RunnerPod | undefined> {
  const known = view.pods.get(namespace, name);
  const settled = token === undefined || token.status?.phase === 'Revoked';
  if (settled || known?.metadata.uid === token.spec.podRef?.uid) return known;
  return await client.get(runnerPodKind, namespace, name);
}

function seenToken(
  token: RunnerToken,
  pod: RunnerPod | undefined,
  pool: RunnerPool | undefined,
  observer: IdentityObserver,
): NonNullable<ObservedIdentity['token']> {
  const { refreshAt, expiresAt, keyId } = token.status ?? {};
  return {
    speaksForPod:
      pod !== undefined && token.spec.podRef?.uid === pod.metadata.uid && ownedBy(token, pod.metadata.uid),
    asIssued: pod !== undefined && pool !== undefined && isAsIssued(token, pod, pool, observer),
    phase: token.status?.phase ?? 'Pending',
    refreshAtMs: refreshAt === undefined ? undefined : Date.parse(refreshAt),
    expiresAtMs: expiresAt === undefined ? undefined : Date.parse(expiresAt),
    keyGone: keyId !== undefined && !observer.ring.has(keyId),
    reportedIn: token.status?.runner !== undefined,
    request: unansweredRequest(token.status),
    fallen: observer.descent.fallen(token),
    deregistered: token.status?.endedAt !== undefined,
  };
}

function endOf(pod: RunnerPod): 'PodFinished' | 'PodTerminating' | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return 'PodTerminating';
  return pod.phase === 'Succeeded' || pod.phase === 'Failed' ? 'PodFinished' : undefined;
}

async function hasSecret(client: Pick<KubeClient, 'get'>, pod: RunnerPod): Promise<boolean> {
  const secret = await client.get(secretHeadKind, pod.metadata.namespace, tokenSecretName(pod.metadata.name));
  return secret !== undefined && ownedBy(secret, pod.metadata.uid);
}
