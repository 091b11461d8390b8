import type { RunnerState, RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { OnRevoke } from '../descent.ts';

/** What is seen of one runner's identity: of the pod and the RunnerToken that have the same name. */
export interface ObservedIdentity {
  /** The pod of that name; absent when there is none, by the apiserver's own word if a token speaks of it. */
  pod?: { uid: string; ended?: 'PodFinished' | 'PodTerminating' | undefined; runner: boolean } | undefined;
  token?:
    | {
        /** The token's podRef and owner are the pod seen here. */
        speaksForPod: boolean;
        /** The rest of its spec is what the controller would write for this pod. */
        asIssued: boolean;
        phase: RunnerTokenStatus['phase'];
        refreshAtMs?: number | undefined;
        expiresAtMs?: number | undefined;
        /** The key that signed its JWT was deleted: that JWT is accepted nowhere any more. */
        keyGone: boolean;
        /** The runner has said something: only then is its JWT refreshed. */
        reportedIn: boolean;
        /** What the owner of its parent wants of the pods, when that was disabled, superseded or deleted. */
        fallen?: OnRevoke | undefined;
        /** Id of a request that is not answered yet. */
        request?: string | undefined;
        /** The runner asked to be let go. */
        deregistered: boolean;
      }
    | undefined;
  /** With a live runner and no token only: there is a Secret of the pod's, so there was a token before. */
  hadIdentity: boolean;
  /** What the runner last said of itself before its token was deleted, as far as this process has seen it. */
  lastState?: RunnerState | undefined;
  /** The executor is giving this pod its identity at this moment. */
  underWay: boolean;
}
