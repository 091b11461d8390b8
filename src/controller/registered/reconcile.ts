import { isKubeError } from '../../kube/errors.ts';
import type { ReconcileResult } from '../../kube/types.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Descent } from '../descent.ts';
import type { KeyRing } from '../keys/key_ring.ts';
import type { RequestHands } from '../requests/serve_request.ts';
import { executeRegisteredAction } from './execute.ts';
import { observeRegistered } from './observe.ts';
import { planRegistered } from './plan.ts';

export type RegisteredDeps = RequestHands & {
  descent: Descent;
  ring: Pick<KeyRing, 'has'>;
  now(): Date;
};

/** Brings the identity of a registered runner one step on. */
export async function reconcileRegistered(
  token: RunnerToken,
  deps: RegisteredDeps,
): Promise<ReconcileResult> {
  if (token.metadata.deletionTimestamp !== undefined) return {};
  const { observed, pool } = await observeRegistered(token, deps);
  const { action, againAfterMs } = planRegistered(observed, deps.now());
  if (action === undefined) return { againAfterMs };
  try {
    await executeRegisteredAction(action, token, pool, deps, deps.now());
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
  return { againAfterMs };
}
