import type { Store } from '../kube/types.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { controllerUid, type RunnerPod } from './kinds.ts';

/** The controller's copies of the cluster. */
export interface View {
  pools: Store<RunnerPool>;
  /** Pods with the pool label, by the index `pool`: the UID of the RunnerPool that controls the pod. */
  pods: Store<RunnerPod>;
  /** By the indexes of TOKEN_INDEXES. */
  tokens: Store<RunnerToken>;
}

export const POD_INDEXES = { pool: (pod: RunnerPod) => controllerUid(pod, 'RunnerPool') };

export const TOKEN_INDEXES = {
  /** Runtime tokens by the UID of the Registration token that they descend from. */
  parent: ({ spec }: RunnerToken) => (spec.type === 'Runtime' ? spec.parentRef?.uid : undefined),
  /** Registration tokens by namespace/name of their pool. */
  registrations: ({ metadata, spec }: RunnerToken) =>
    spec.type === 'Registration' ? `${metadata.namespace}/${spec.poolRef.name}` : undefined,
  /** Registration tokens by the hash of their value. */
  hash: ({ status }: RunnerToken) => status?.tokenHash,
  /** Runtime tokens of runners that registered, by namespace/name of their pool. */
  registered: ({ metadata, spec }: RunnerToken) =>
    spec.runner === undefined ? undefined : `${metadata.namespace}/${spec.poolRef.name}`,
};
