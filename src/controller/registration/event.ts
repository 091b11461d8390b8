import type { EventText } from '../../kube/events.ts';
import type { RunnerTokenStatus } from '../../resources/runner_token.ts';
import type { ControllerStatus } from './plan.ts';

/** Reasons that a person has to do something about. */
const TROUBLES = new Set(['SecretMissing', 'SecretInvalid', 'SecretNameTaken', 'ScopeOutsidePool']);

/** What a change of a Registration token's standing has to tell; nothing while it stays. */
export function registrationEvent(
  before: RunnerTokenStatus | undefined,
  after: ControllerStatus,
): EventText | undefined {
  const { reason = 'Changed', message = '' } = after;
  if (before?.reason === reason || reason === 'MakingValue' || reason === 'Reviving') return undefined;
  return { type: TROUBLES.has(reason) ? 'Warning' : 'Normal', reason, message };
}
