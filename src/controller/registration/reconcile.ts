import { isDeepStrictEqual } from 'node:util';
import { isKubeError } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { RunnerTokenKind } from '../../kube/kinds.ts';
import type { ReconcileResult } from '../../kube/types.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { writeTokenStatus } from '../token/token_status.ts';
import { registrationEvent } from './event.ts';
import { executeRegistrationAction, type RegistrationHands } from './execute.ts';
import { observeRegistration, type RegistrationObserver } from './observe.ts';
import { type ControllerStatus, planRegistration } from './plan.ts';

export type RegistrationDeps = RegistrationObserver &
  RegistrationHands & { events: EventRecorder; now(): Date };

/** Brings a Registration token to its standing: observe, plan, one status write, then the actions. */
export async function reconcileRegistration(
  token: RunnerToken,
  deps: RegistrationDeps,
): Promise<ReconcileResult> {
  if (token.metadata.deletionTimestamp !== undefined) return {};
  const observed = await observeRegistration(token, deps);
  const { actions, status, againAfterMs } = planRegistration(observed, deps.now());
  const pool = deps.view.pools.get(token.metadata.namespace, token.spec.poolRef.name);
  try {
    // First, since a status that takes something away is what the api goes by.
    await writeStatus(token, status, deps);
    const current = deps.view.tokens.byUid(token.metadata.uid) ?? token;
    for (const action of actions) await executeRegistrationAction(action, current, pool, deps);
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
  const event = registrationEvent(token.status, status);
  if (event !== undefined) deps.events.record(RunnerTokenKind, token, event);
  return { againAfterMs: actions.some((one) => one.type === 'MakeSecret') ? 0 : againAfterMs };
}

async function writeStatus(
  token: RunnerToken,
  status: ControllerStatus,
  deps: RegistrationDeps,
): Promise<void> {
  const before = Object.fromEntries(FIELDS.map((field) => [field, token.status?.[field]]));
  const after = Object.fromEntries(FIELDS.map((field) => [field, status[field]]));
  const current = token.status?.observedGeneration === token.metadata.generation;
  if (current && isDeepStrictEqual(before, after)) return;
  await writeTokenStatus(token, after, deps);
}

const FIELDS = [
  'phase',
  'reason',
  'message',
  'secretRef',
  'tokenHash',
  'poolUid',
  'runners',
  'conditions',
] as const satisfies (keyof ControllerStatus)[];
