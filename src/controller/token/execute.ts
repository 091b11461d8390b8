import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { TokenAction } from '../action.ts';
import { type RunnerPod, runnerPodKind } from '../kinds.ts';
import { parentOf } from '../pool/parent.ts';
import { type RequestHands, serveRequest } from '../requests/serve_request.ts';
import { endToken } from './end_token.ts';
import { giveIdentity, type IdentityHands, NoParent, refreshIdentity } from './give_identity.ts';
import { tokenManifest } from './token_manifest.ts';

/** What a token's action is about; an action is planned only when what it needs was seen. */
export interface Subject {
  pod?: RunnerPod | undefined;
  pool?: RunnerPool | undefined;
  token?: RunnerToken | undefined;
}

const NEVER_CAME_UP = {
  reason: 'NeverReportedIn',
  message: 'its first JWT expired before the runner said anything',
};

export type TokenHands = IdentityHands &
  RequestHands & {
    /** UIDs of pods whose deletion the apiserver has accepted, until the watch says that they are gone. */
    deletedPods: Set<string>;
  };

/** Carries out one action about a runner's identity: the only writer of RunnerTokens and their Secrets. */
export async function executeTokenAction(
  action: TokenAction,
  { pod, pool, token }: Subject,
  hands: TokenHands,
  now: Date,
): Promise<void> {
  switch (action.type) {
    case 'GiveIdentity':
      if (pod !== undefined && pool !== undefined) await giveIdentity(pod, pool, hands);
      return;
    case 'RefreshIdentity':
      if (pod !== undefined && pool !== undefined && token !== undefined)
        await refreshIdentity(pod, pool, token, hands);
      return;
    case 'ServeRequest':
      if (pool !== undefined && token !== undefined) await serveRequest(token, pool, hands);
      return;
    case 'RevokeToken':
      if (token !== undefined) await endToken(token, 'Revoked', action, hands, now);
      return;
    case 'ExpireToken':
      if (token !== undefined) await endToken(token, 'Expired', NEVER_CAME_UP, hands, now);
      return;
    case 'RecordLostIdentity':
      if (pod !== undefined && pool !== undefined) await recordLostIdentity(pod, pool, action, hands, now);
      return;
    case 'DeleteRunner':
      if (pod === undefined) return;
      await hands.client.delete(runnerPodKind, pod.metadata.namespace, pod.metadata.name, {
        uid: pod.metadata.uid,
      });
      hands.deletedPods.add(pod.metadata.uid);
      return;
  }
}

async function recordLostIdentity(
  pod: RunnerPod,
  pool: RunnerPool,
  why: { reason: string; message: string },
  hands: TokenHands,
  now: Date,
): Promise<void> {
  const parent = parentOf(pool, hands.view);
  if (parent.standing !== 'Found') throw new NoParent(`${pod.metadata.namespace}/${pool.metadata.name}`);
  const manifest = tokenManifest(pod, pool, parent.token, hands.audience);
  const made = await hands.client.create(RunnerTokenKind, manifest);
  await endToken(made, 'Revoked', why, hands, now);
}
