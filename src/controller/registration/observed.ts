import type { RunnerTokenSpec, RunnerTokenStatus } from '../../resources/runner_token.ts';

/** All that the plan of a Registration token decides from. */
export interface ObservedRegistration {
  name: string;
  generation: number;
  createdAtMs: number;
  deleting: boolean;
  spec: RunnerTokenSpec;
  status?: RunnerTokenStatus | undefined;
  /** The pool of that name. */
  pool?: { uid: string; withinScope: boolean; deleting: boolean } | undefined;
  /** Its value's Secret; `hash` is there when the value will do, else `problem` says what is wrong. */
  secret: SeenSecret;
  /** Name of the newer active token of the same pool and scope that supersedes it. */
  supersededBy?: string | undefined;
  /** Descendants that are neither revoked nor expired. */
  living: number;
  /** Those among them that fell with the token before it was enabled again. */
  falling: number;
}

export type SeenSecret =
  | { name: string; standing: 'Absent' }
  | { name: string; standing: 'Foreign' }
  | ({ name: string; standing: 'Read' } & ReadValue);

export type ReadValue = { hash: string; problem?: undefined } | { hash?: undefined; problem: string };

export type RegistrationAction =
  /** Makes the value and its Secret, which the token owns. */
  | { type: 'MakeSecret'; secret: string }
  /** Writes spec.active: false. */
  | { type: 'Disable' }
  /** Deletes the token, which has served its time. */
  | { type: 'Collect' };
