import { isKubeError } from '../../kube/errors.ts';
import type { ReconcileResult } from '../../kube/types.ts';
import { executeTokenAction, type TokenHands } from './execute.ts';
import { type IdentityObserver, observeIdentity } from './observe.ts';
import { planIdentity } from './plan.ts';

export type TokenDeps = IdentityObserver & TokenHands & { now(): Date };

/** Brings the identity of the runner of this key (namespace/name of its pod) one step on. */
export async function reconcileToken(key: string, deps: TokenDeps): Promise<ReconcileResult> {
  const [namespace = '', name = ''] = key.split('/');
  const { observed, subject } = await observeIdentity(namespace, name, deps);
  const { action, againAfterMs } = planIdentity(observed, deps.now());
  if (action !== undefined) {
    try {
      await executeTokenAction(action, subject, deps, deps.now());
    } catch (error) {
      // Gone between the look and the write: so is the reason for it. What was left behind is collected.
      if (!isKubeError(error, 'notFound')) throw error;
    }
  }
  return { againAfterMs };
}
