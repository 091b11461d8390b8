/** Everything the controller may do about pools and tokens, as plain data: the plans return these, execute.ts does them. */

export type DeleteReason =
  | 'Finished'
  | 'ScaledDown'
  | 'Outdated'
  | 'CredentialChanged'
  | 'StartFailed'
  | 'DrainTimeout'
  | 'IdentityLost'
  | 'Lingering'
  | 'Revoked'
  | 'RecordGone'
  | 'PoolDeleted';

export interface RunnerRef {
  name: string;
  uid: string;
}

export type PoolAction =
  | { type: 'AddDrainFinalizer' }
  | { type: 'RemoveDrainFinalizer' }
  | { type: 'AddForgeFinalizer' }
  /** `left`: names of the records that the forge did not remove in time. */
  | { type: 'RemoveForgeFinalizer'; left: readonly string[] }
  /** Writes spec.replicas; only ever planned where spec.autoscaling is given. */
  | { type: 'SetReplicas'; from: number; to: number; why: string }
  /** Removes a record that no runner stands behind from the forge. */
  | { type: 'RemoveRecord'; record: { id: string; name: string } }
  /** Makes the registration token that the pool's own runners descend from. */
  | { type: 'MakeRegistration' }
  | { type: 'CreateRunner'; slot: number; serial: number; attempt: number }
  /** `record`: name of what the forge has to remove first; while it does not, the runner stays. */
  | { type: 'DeleteRunner'; runner: RunnerRef; reason: DeleteReason; record?: string }
  | { type: 'StartDrain'; runner: RunnerRef; since: string; deadline: string }
  | { type: 'StopDrain'; runner: RunnerRef };

export type TokenAction =
  /** Makes what is missing of RunnerToken, Secret and Active status, in this order. */
  | { type: 'GiveIdentity' }
  /** Puts a fresh JWT into the Secret, then its times into the status. */
  | { type: 'RefreshIdentity' }
  /** Answers what the runner asks of the controller through the api. */
  | { type: 'ServeRequest' }
  | { type: 'RevokeToken'; reason: string; message: string }
  /** The JWT of a runner that never reported in is over. */
  | { type: 'ExpireToken' }
  /** Makes a RunnerToken in place of one that somebody deleted, revoked from birth: its runner gets no other JWT. */
  | { type: 'RecordLostIdentity'; reason: string; message: string }
  | { type: 'DeleteRunner'; reason: DeleteReason };
