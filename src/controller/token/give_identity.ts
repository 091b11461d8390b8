import { isKubeError } from '../../kube/errors.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { FieldManager, tokenSecretName } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { ownerOfPool } from '../credentials/owner.ts';
import { ownedBy, type RunnerPod, secretHeadKind } from '../kinds.ts';
import { parentOf } from '../pool/parent.ts';
import type { View } from '../view.ts';
import { isAsIssued } from './as_issued.ts';
import { secretManifest, tokenManifest } from './token_manifest.ts';
import { timestamp, writeTokenStatus } from './token_status.ts';

/** What giving an identity needs: every write of it is in this file and in execute.ts beside it. */
export interface IdentityHands {
  client: KubeClient;
  view: View;
  /** The api's own audience. */
  audience: string;
  credentials: Pick<Credentials, 'look'>;
  issue(token: RunnerToken, pool: RunnerPool): Promise<IssuedToken>;
}

/** Another object has a name that a runner's identity needs. The next try may find it collected. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
}

/** The supplied credential went bad between the plan and the runner's identity, which waits for a good one. */
export class CredentialNotGood extends Error {
  override readonly name = 'CredentialNotGood';
}

/** No registration token stands behind the pool's runners at this moment. */
export class NoParent extends Error {
  override readonly name = 'NoParent';
  constructor(pool: string) {
    super(`no registration token of RunnerPool ${pool} is active`);
  }
}

/**
 * Makes what the pod lacks of its identity: the RunnerToken, the Secret, the Active status. Each is created, not
 * applied, so that nothing made by somebody else is taken over in silence; broken off anywhere, the next call goes on.
 */
export async function giveIdentity(pod: RunnerPod, pool: RunnerPool, hands: IdentityHands): Promise<void> {
  const credential = await hands.credentials.look(ownerOfPool(pool));
  if (!credential.good) throw new CredentialNotGood(credential.message);
  const token = await tokenFor(pod, pool, hands);
  const issued = await hands.issue(token, pool);
  await createSecret(pod, pool, issued, hands);
  await activate(token, issued, hands, { recorded: credential.recorded });
}

/** A fresh JWT in the same Secret; kubelet brings it in, the sidecar rereads it. */
export async function refreshIdentity(
  pod: RunnerPod,
  pool: RunnerPool,
  token: RunnerToken,
  hands: IdentityHands,
): Promise<void> {
  const issued = await hands.issue(token, pool);
  await applySecret(pod, pool, issued, hands);
  await activate(token, issued, hands);
}

async function tokenFor(pod: RunnerPod, pool: RunnerPool, hands: IdentityHands): Promise<RunnerToken> {
  const { client, view, audience } = hands;
  const { namespace, name, uid } = pod.metadata;
  const known = view.tokens.get(namespace, name);
  if (known?.spec.podRef?.uid === uid) return known;
  const parent = parentOf(pool, view);
  if (parent.standing !== 'Found') throw new NoParent(`${namespace}/${pool.metadata.name}`);
  try {
    const made = await client.create(RunnerTokenKind, tokenManifest(pod, pool, parent.token, audience));
    view.tokens.absorb(made);
    return made;
  } catch (error) {
    if (!isKubeError(error, 'alreadyExists')) throw error;
  }
  const there = await client.get(RunnerTokenKind, namespace, name);
  if (there !== undefined && ownedBy(there, uid) && isAsIssued(there, pod, pool, hands)) {
    view.tokens.absorb(there);
    return there;
  }
  // A former pod's, which waits to be collected, or one made by hand, which must not become a runner's identity.
  if (there !== undefined) await client.delete(RunnerTokenKind, namespace, name, { uid: there.metadata.uid });
  throw new NameTaken(`another RunnerToken was named ${namespace}/${name}`);
}

async function createSecret(
  pod: RunnerPod,
  pool: RunnerPool,
  issued: IssuedToken,
  hands: IdentityHands,
): Promise<void> {
  const { client } = hands;
  const { namespace } = pod.metadata;
  try {
    await client.create(secretHeadKind, secretManifest(pod, pool, issued));
    return;
  } catch (error) {
    if (!isKubeError(error, 'alreadyExists')) throw error;
  }
  const name = tokenSecretName(pod.metadata.name);
  const there = await client.get(secretHeadKind, namespace, name);
  if (there !== undefined && ownedBy(there, pod.metadata.uid)) return applySecret(pod, pool, issued, hands);
  // Only a former runner's is Harrier's to delete; a Secret of any other maker stays as it is.
  if (there?.metadata.ownerReferences?.some((one) => one.kind === 'Pod'))
    await client.delete(secretHeadKind, namespace, name, { uid: there.metadata.uid });
  throw new NameTaken(`another Secret is named ${namespace}/${name}`);
}

async function applySecret(
  pod: RunnerPod,
  pool: RunnerPool,
  issued: IssuedToken,
  { client }: IdentityHands,
): Promise<void> {
  await client.apply(secretHeadKind, secretManifest(pod, pool, issued), {
    fieldManager: FieldManager.controller,
    force: true,
  });
}

async function activate(
  token: RunnerToken,
  issued: IssuedToken,
  hands: IdentityHands,
  first: Pick<RunnerTokenStatus, 'recorded'> = {},
): Promise<void> {
  await writeTokenStatus(
    token,
    {
      ...first,
      phase: 'Active',
      secretRef: { name: tokenSecretName(token.metadata.name) },
      keyId: issued.kid,
      issuedAt: timestamp(issued.issuedAt),
      refreshAt: timestamp(issued.refreshAt),
      expiresAt: timestamp(issued.expiresAt),
    },
    hands,
    // A revocation that came meanwhile must not be written over.
    { unchanged: true },
  );
}
