import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { TokenAction } from '../action.ts';
import { type RunnerPod, runnerPodKind } from '../kinds.ts';
import { giveIdentity, type IdentityHands, refreshIdentity, writeTokenStatus } from './give_identity.ts';
import { tokenManifest } from './token_manifest.ts';

/** What a token's action is about; an action is planned only when what it needs was seen. */
export interface Subject {
  pod?: RunnerPod | undefined;
  pool?: RunnerPool | undefined;
  token?: RunnerToken | undefined;
}

export type TokenHands = IdentityHands & {
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
    case 'RevokeToken':
      if (token !== undefined) await revoke(token, action.reason, action.message, hands, now);
      return;
    case 'RecordLostIdentity': {
      if (pod === undefined || pool === undefined) return;
      const made = await hands.client.create(RunnerTokenKind, tokenManifest(pod, pool, hands.audience));
      await revoke(made, action.reason, action.message, hands, now);
      return;
    }
    case 'DeleteRunner':
      if (pod === undefined) return;
      await hands.client.delete(runnerPodKind, pod.metadata.namespace, pod.metadata.name, {
        uid: pod.metadata.uid,
      });
      hands.deletedPods.add(pod.metadata.uid);
      return;
  }
}

async function revoke(
  token: RunnerToken,
  reason: string,
  message: string,
  hands: IdentityHands,
  now: Date,
): Promise<void> {
  const { secretRef, keyId, issuedAt, expiresAt } = token.status ?? {};
  await writeTokenStatus(
    token,
    {
      phase: 'Revoked',
      reason,
      message,
      revokedAt: now.toISOString().replace(/\.\d+Z$/, 'Z'),
      ...(secretRef === undefined ? {} : { secretRef }),
      ...(keyId === undefined ? {} : { keyId }),
      ...(issuedAt === undefined ? {} : { issuedAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    hands,
  );
}
