import type { ReconcileResult, StoreChange } from '../kube/types.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerToken } from '../resources/runner_token.ts';
import type { Descent } from './descent.ts';
import { type RegisteredDeps, reconcileRegistered } from './registered/reconcile.ts';
import { type RegistrationDeps, reconcileRegistration } from './registration/reconcile.ts';
import { reconcileToken, type TokenDeps } from './token/reconcile.ts';
import type { View } from './view.ts';

export type AnyTokenDeps = TokenDeps & RegistrationDeps & RegisteredDeps;

/** Brings the token of this key (namespace/name) one step on: a registration, a registered runner's, or a pod's. */
export async function reconcileAnyToken(key: string, deps: AnyTokenDeps): Promise<ReconcileResult> {
  const [namespace = '', name = ''] = key.split('/');
  const token = deps.view.tokens.get(namespace, name);
  if (token?.spec.type === 'Registration') return await reconcileRegistration(token, deps);
  if (token?.spec.runner !== undefined) return await reconcileRegistered(token, deps);
  return await reconcileToken(key, deps);
}

/** Keys of the tokens that a change of this one concerns: its descendants, and those it may supersede. */
export function concerned(
  token: RunnerToken,
  change: StoreChange<RunnerToken>,
  { view, descent }: { view: View; descent: Descent },
): string[] {
  if (token.spec.type !== 'Registration' || isCountOnly(change)) return [];
  const { namespace, uid } = token.metadata;
  const siblings = view.tokens
    .byIndex('registrations', `${namespace}/${token.spec.poolRef.name}`)
    .filter((one) => one.metadata.uid !== uid);
  return [...siblings, ...descent.living(uid)].map((one) => `${namespace}/${one.metadata.name}`);
}

/** Uses and descendants are counted often, and concern nobody else. */
function isCountOnly({ type, object, previous }: StoreChange<RunnerToken>): boolean {
  return (
    type === 'set' &&
    previous !== undefined &&
    previous.metadata.generation === object.metadata.generation &&
    previous.status?.phase === object.status?.phase
  );
}

/** Keys of the tokens that stand and fall with the pool itself; those of its pods are told by their pods. */
export function tokensOf({ metadata: { namespace, name } }: RunnerPool, view: View): string[] {
  return (['registrations', 'registered'] as const)
    .flatMap((index) => view.tokens.byIndex(index, `${namespace}/${name}`))
    .map((one) => `${namespace}/${one.metadata.name}`);
}
