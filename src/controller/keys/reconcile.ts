import type { Logger } from 'pino';
import type { KubeClient, ReconcileResult } from '../../kube/types.ts';
import { planKeys, type RotationPolicy } from '../../tokens/rotation.ts';
import { executeKeyAction } from './execute.ts';
import type { KeyRing } from './key_ring.ts';
import { observeKeys } from './observe.ts';

export interface KeysDeps {
  client: KubeClient;
  namespace: string;
  policy: RotationPolicy;
  ring: KeyRing;
  log: Logger;
  now(): Date;
}

/** Signing keys are looked at this often even when no time was set. */
const RESYNC_MS = 10 * 60_000;
/** A rotation is four steps; more in a row than these and something writes against us. */
const MOST_STEPS = 16;

/** Takes the signing keys through their plan step by step, each from what is then in the cluster, until it rests. */
export async function reconcileKeys(deps: KeysDeps): Promise<ReconcileResult> {
  const { client, namespace, policy, ring, log, now } = deps;
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const seen = await observeKeys(client, namespace);
    ring.replace(seen.observed.keys);
    const action = planKeys(seen.observed, now(), policy);
    if (action.do === 'nothing') return { againAfterMs: Math.min(action.againMs, RESYNC_MS) };
    await executeKeyAction(action, seen, { client, namespace, now: now() });
    log.info({ step: action.do, ...('reason' in action ? { reason: action.reason } : {}) }, 'signing keys');
  }
  throw new Error('the signing keys do not come to rest: something else writes them');
}
