import type { Logger } from 'pino';
import { isKubeError } from '../../kube/errors.ts';
import type { KubeClient, ReconcileResult } from '../../kube/types.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { View } from '../view.ts';
import { executeInterception, type InterceptionHands } from './execute.ts';
import { observeInterception } from './observe.ts';
import { planInterception } from './plan.ts';
import { interceptionOf } from './standing.ts';
import type { InterceptionStates } from './states.ts';

export type InterceptionDeps = InterceptionHands & {
  client: Pick<KubeClient, 'get'>;
  view: View;
  states: InterceptionStates;
  /** Called with namespace/name of a pool whose state is another than before. */
  changed(key: string): void;
  log: Logger;
};

/** Secrets are not watched: one that somebody deleted is made anew within this. */
const RESYNC_MS = 5 * 60_000;
/** A life has four steps; more in a row than these and something writes against us. */
const MOST_STEPS = 8;

/** Takes the interception of the pool of this key (namespace/name) through its plan, step by step, until it rests. */
export async function reconcileInterception(key: string, deps: InterceptionDeps): Promise<ReconcileResult> {
  const [namespace = '', name = ''] = key.split('/');
  const pool = deps.view.pools.get(namespace, name);
  if (pool === undefined) {
    deps.states.forget(key);
    return {};
  }
  const tell = (state: Parameters<InterceptionStates['set']>[2]) => {
    if (deps.states.set(key, pool.metadata.uid, state)) deps.changed(key);
  };
  // Collected with the pool; what its last pods mount stays until then.
  if (pool.metadata.deletionTimestamp !== undefined) return {};
  const asked = interceptionOf(pool.spec).standing === 'Given';
  if (!asked && deps.states.of(key, pool.metadata.uid).absent) return {};
  try {
    const { ready, againMs } = await bringToRest(pool, deps);
    tell({ ready, absent: !asked && againMs === undefined });
    return asked || againMs !== undefined ? { againAfterMs: Math.min(againMs ?? RESYNC_MS, RESYNC_MS) } : {};
  } catch (error) {
    const { ready } = deps.states.of(key, pool.metadata.uid);
    // What was there is still there as far as is known: new pods need not wait for the apiserver to be well.
    if (!ready && !isKubeError(error, 'conflict', 'alreadyExists', 'transient'))
      tell({ ready, trouble: error instanceof Error ? error.message : 'unknown' });
    throw error;
  }
}

async function bringToRest(pool: RunnerPool, deps: InterceptionDeps) {
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const seen = await observeInterception(pool, deps);
    const action = planInterception(seen.observed, deps.now(), deps.policy);
    if (action.do === 'nothing') return action;
    await executeInterception(pool, action, seen, deps);
    const { namespace, name } = pool.metadata;
    deps.log.info({ pool: `${namespace}/${name}`, step: action.do }, 'interception');
  }
  throw new Error('the certificates do not come to rest: something else writes them');
}
