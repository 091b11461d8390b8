import type { Verdict } from '../../credentials/verdict.ts';
import type { RunnerPoolSpec, RunnerPoolStatus } from '../../resources/runner_pool.ts';
import type { RunnerState, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { Recorded } from '../../resources/supplied.ts';
import type { InterceptionStanding } from '../interception/standing.ts';
import type { InterceptionState } from '../interception/states.ts';
import type { NodeCacheStanding } from './node_cache.ts';
import type { ObservedForge, RunnerInForge } from './observed_forge.ts';
import type { Parent } from './parent.ts';
import type { TemplateRefusal } from './template_refusal.ts';

/** All that a pool's plan decides from: plain data, so that the same observation always gives the same plan. */
export interface Observed {
  pool: ObservedPool;
  /** Hash of what new runner pods are made from; see template_hash.ts. */
  templateHash: string;
  /** Fields of the template that would let the job at its runner's token. */
  templateRefusals: readonly TemplateRefusal[];
  /** Whether the runners keep on their nodes what they restore. */
  nodeCache: NodeCacheStanding;
  /** Whether the name of the forge's results service leads to the sidecars, and what they need for it is there. */
  interception: ObservedInterceptionStanding;
  /** Whether the Secret that spec.forge.credentialsSecretRef names is there. */
  credentials: 'NotNeeded' | 'Present' | 'Missing';
  /** What is known of the forge that the runners join. */
  forge: ObservedForge;
  /** What the credential that spec.token.supplied names is worth; good, and the pool's own, where it names none. */
  credential: Verdict;
  /** What the next runners descend from. */
  parent: ObservedParent;
  /** Live runners that joined the pool by registering. */
  external: number;
  /** Every pod that the pool controls, the finished and the terminating ones too. */
  runners: readonly Runner[];
}

export type ObservedInterceptionStanding =
  | Exclude<InterceptionStanding, { standing: 'Given' }>
  | (Extract<InterceptionStanding, { standing: 'Given' }> & InterceptionState);

export type ObservedParent = { standing: 'Found'; name: string } | Exclude<Parent, { standing: 'Found' }>;

export interface ObservedPool {
  namespace: string;
  name: string;
  uid: string;
  generation: number;
  deleting: boolean;
  hasDrainFinalizer: boolean;
  hasForgeFinalizer: boolean;
  spec: RunnerPoolSpec;
  status?: RunnerPoolStatus | undefined;
}

export interface Runner {
  name: string;
  uid: string;
  createdAtMs: number;
  terminating: boolean;
  /** The pod's status.phase. */
  phase: string;
  /** When the runner container started; absent while it has not, and for a pod that ended without its containers' word. */
  startedAtMs?: number | undefined;
  /** When the runner container ended. */
  endedAtMs?: number | undefined;
  slot: number;
  serial: number;
  attempt: number;
  templateHash: string;
  drainSinceMs?: number | undefined;
  /** When its mark says that it will be deleted, busy or not. */
  drainDeadlineMs?: number | undefined;
  /** What kubelet says of the runner's end, or of what keeps it from starting. */
  trouble?: string | undefined;
  /** Of its record in the forge; absent in a pool without one. */
  forge?: RunnerInForge | undefined;
  /** Of the pod's own RunnerToken; absent while there is none. */
  token?:
    | {
        phase: RunnerTokenStatus['phase'];
        reason?: string | undefined;
        /** Whom the credential that it was made for speaks for. */
        recorded?: Recorded | undefined;
        state?: RunnerState | undefined;
        /** When the runner reported `state`. */
        sinceMs?: number | undefined;
        /** When it reported that it got its job. */
        busySinceMs?: number | undefined;
      }
    | undefined;
}
