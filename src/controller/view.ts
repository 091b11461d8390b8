import type { Store } from '../kube/types.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import { controllerUid, type RunnerPod } from './kinds.ts';

/** The controller's copies of the cluster. */
export interface View {
  pools: Store<RunnerPool>;
  /** Pods with the pool label, by the index `pool`: the UID of the RunnerPool that controls the pod. */
  pods: Store<RunnerPod>;
  tokens: Store<RunnerToken>;
}

export const POD_INDEXES = { pool: (pod: RunnerPod) => controllerUid(pod, 'RunnerPool') };
