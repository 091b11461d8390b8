import { ConfigMapKind, PodKind, RunnerTokenKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { API_VERSION, FieldManager, Label } from '../../src/resources/group.ts';
import type { RunnerToken } from '../../src/resources/runner_token.ts';
import { PUBLIC_KEYS_NAME } from '../../src/runtime/public_keys.ts';
import { issueToken } from '../../src/tokens/issue.ts';
import { makeSigningKey, PUBLIC_KEYS_FIELD, publicKeySetOf, type SigningKey } from '../../src/tokens/keys.ts';
import { AUDIENCE, aPool, ISSUER } from '../tokens/builders.ts';

/** Makes a signing key and publishes it the way the controller does. */
export async function publishKey(client: KubeClient, namespace: string): Promise<SigningKey> {
  const key = await makeSigningKey(new Date());
  await client.create(ConfigMapKind, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: PUBLIC_KEYS_NAME, namespace },
    data: { [PUBLIC_KEYS_FIELD]: JSON.stringify(publicKeySetOf([key])) },
  });
  return key;
}

export interface ClusterRunner {
  name: string;
  podUid: string;
  token: RunnerToken;
  jwt: string;
  authorization: string;
  /** Its second token, where it is in agent mode. */
  agentJwt: string | undefined;
}

export interface RunnerOptions {
  namespace: string;
  name: string;
  key: SigningKey;
  node?: string;
  issuer?: string;
  cell?: string;
  /** Agent mode. */
  agent?: boolean;
  /** Its pool; one named linux when absent. */
  pool?: { name: string; uid: string };
}

const POOL = { name: 'linux', uid: 'uid-of-pool' };

/**
 * A pod with its Active RunnerToken and a JWT for it, as the controller makes them. With a `node` the pod is bound to
 * one that does not exist: deleted, it stays with a deletionTimestamp, as a pod does that a kubelet is ending.
 */
export async function makeRunner(
  client: KubeClient,
  { namespace, name, key, node, issuer = ISSUER, cell, agent = false, pool: poolRef = POOL }: RunnerOptions,
): Promise<ClusterRunner> {
  const pod = await client.create(PodKind, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { [Label.pool]: poolRef.name } },
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      restartPolicy: 'Never',
      containers: [{ name: 'runner', image: 'none' }],
    },
  });
  const { uid } = pod.metadata;
  await client.create(RunnerTokenKind, {
    apiVersion: API_VERSION,
    kind: 'RunnerToken',
    metadata: { name, namespace, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }] },
    spec: {
      podRef: { name, uid },
      poolRef,
      audiences: [AUDIENCE],
      ...(agent ? { agent } : {}),
    },
  });
  const token = await setPhase(client, namespace, name, 'Active');
  const { jwt, agentJwt } = await issueToken({
    token,
    pool: aPool(cell === undefined ? {} : { routing: { cell } }),
    issuer,
    audience: AUDIENCE,
    key,
    now: new Date(),
  });
  return { name, podUid: uid, token, jwt, authorization: `Bearer ${jwt}`, agentJwt };
}

/** Writes the phase as the controller does, with its field manager. */
export async function setPhase(client: KubeClient, namespace: string, name: string, phase: string) {
  return await client.applyStatus(
    RunnerTokenKind,
    { apiVersion: API_VERSION, kind: 'RunnerToken', metadata: { name, namespace }, status: { phase } },
    { fieldManager: FieldManager.controller, force: true },
  );
}
