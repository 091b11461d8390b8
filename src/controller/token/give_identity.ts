import { isDeepStrictEqual } from 'node:util';
import { isKubeError } from '../../kube/errors.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { KubeClient } from '../../kube/types.ts';
import { API_VERSION, FieldManager, tokenSecretName } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { IssuedToken } from '../../tokens/issue.ts';
import { ownedBy, type RunnerPod, secretHeadKind } from '../kinds.ts';
import type { View } from '../view.ts';
import { secretManifest, tokenManifest, tokenSpec } from './token_manifest.ts';

/** What giving an identity needs: every write of it is in this file and in execute.ts beside it. */
export interface IdentityHands {
  client: KubeClient;
  view: View;
  /** The api's own audience. */
  audience: string;
  issue(token: RunnerToken, pool: RunnerPool): Promise<IssuedToken>;
}

/** Another object has a name that a runner's identity needs. The next try may find it collected. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken';
}

/**
 * Makes what the pod lacks of its identity: the RunnerToken, the Secret, the Active status. Each is created, not
 * applied, so that nothing made by somebody else is taken over in silence; broken off anywhere, the next call goes on.
 */
export async function giveIdentity(pod: RunnerPod, pool: RunnerPool, hands: IdentityHands): Promise<void> {
  const token = await tokenFor(pod, pool, hands);
  const issued = await hands.issue(token, pool);
  await createSecret(pod, pool, issued.jwt, hands);
  await activate(token, issued, hands);
}

/** A fresh JWT in the same Secret; kubelet brings it in, the sidecar rereads it. */
export async function refreshIdentity(
  pod: RunnerPod,
  pool: RunnerPool,
  token: RunnerToken,
  hands: IdentityHands,
): Promise<void> {
  const issued = await hands.issue(token, pool);
  await applySecret(pod, pool, issued.jwt, hands);
  await activate(token, issued, hands);
}

/**
 * Writes the controller's part of the token's status, and no other field: `runner` is the api's. With `unchanged`, only
 * if the token is still as it was seen, else 409.
 */
export async function writeTokenStatus(
  token: RunnerToken,
  status: Omit<RunnerTokenStatus, 'conditions' | 'runner'>,
  { client, view }: Pick<IdentityHands, 'client' | 'view'>,
  { unchanged = false } = {},
): Promise<void> {
  const { namespace, name, generation, uid, resourceVersion } = token.metadata;
  const written = await client.applyStatus(
    RunnerTokenKind,
    {
      apiVersion: API_VERSION,
      kind: 'RunnerToken',
      // The UID makes it this token's or a conflict, never a namesake's.
      metadata: { namespace, name, uid, ...(unchanged ? { resourceVersion } : {}) },
      status: { ...(generation === undefined ? {} : { observedGeneration: generation }), ...status },
    },
    { fieldManager: FieldManager.controller, force: true },
  );
  view.tokens.absorb(written);
}

async function tokenFor(pod: RunnerPod, pool: RunnerPool, hands: IdentityHands): Promise<RunnerToken> {
  const { client, view, audience } = hands;
  const { namespace, name, uid } = pod.metadata;
  const known = view.tokens.get(namespace, name);
  if (known?.spec.podRef?.uid === uid) return known;
  try {
    const made = await client.create(RunnerTokenKind, tokenManifest(pod, pool, audience));
    view.tokens.absorb(made);
    return made;
  } catch (error) {
    if (!isKubeError(error, 'alreadyExists')) throw error;
  }
  const there = await client.get(RunnerTokenKind, namespace, name);
  if (
    there !== undefined &&
    ownedBy(there, uid) &&
    isDeepStrictEqual(there.spec, tokenSpec(pod, pool, audience))
  ) {
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
  jwt: string,
  hands: IdentityHands,
): Promise<void> {
  const { client } = hands;
  const { namespace } = pod.metadata;
  try {
    await client.create(secretHeadKind, secretManifest(pod, pool, jwt));
    return;
  } catch (error) {
    if (!isKubeError(error, 'alreadyExists')) throw error;
  }
  const name = tokenSecretName(pod.metadata.name);
  const there = await client.get(secretHeadKind, namespace, name);
  if (there !== undefined && ownedBy(there, pod.metadata.uid)) return applySecret(pod, pool, jwt, hands);
  // Only a former runner's is Harrier's to delete; a Secret of any other maker stays as it is.
  if (there?.metadata.ownerReferences?.some((one) => one.kind === 'Pod'))
    await client.delete(secretHeadKind, namespace, name, { uid: there.metadata.uid });
  throw new NameTaken(`another Secret is named ${namespace}/${name}`);
}

async function applySecret(
  pod: RunnerPod,
  pool: RunnerPool,
  jwt: string,
  { client }: IdentityHands,
): Promise<void> {
  await client.apply(secretHeadKind, secretManifest(pod, pool, jwt), {
    fieldManager: FieldManager.controller,
    force: true,
  });
}

async function activate(token: RunnerToken, issued: IssuedToken, hands: IdentityHands): Promise<void> {
  await writeTokenStatus(
    token,
    {
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

function timestamp(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
