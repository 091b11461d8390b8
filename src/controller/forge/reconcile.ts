import type { KubeClient, ReconcileResult } from '../../kube/types.ts';
import { durationSeconds } from '../../resources/duration.ts';
import { type AskHands, askForge, tokensOf } from './ask.ts';
import { failingAfter } from './back_off.ts';
import { hasForge, type PoolWithForge } from './forges.ts';
import { pauseMs } from './pause.ts';

export type ForgeDeps = AskHands & {
  client: Pick<KubeClient, 'get' | 'applyStatus'>;
  /** To be called with the pool's key when what is known of its forge has changed. */
  changed(key: string): void;
};

/** However many webhooks come, the forge is not asked more often than this, in ms. */
const LEAST_GAP_MS = 1_000;
/** While the forge refuses, its Secret is looked at so often, in ms: a new one is tried at once. */
const MENDED_MS = 5_000;

/** Asks the forge of the pool of this key (namespace/name) if it is time, and says when it will be again. */
export async function reconcileForge(key: string, deps: ForgeDeps): Promise<ReconcileResult> {
  const { view, forges, now, changed } = deps;
  const [namespace = '', name = ''] = key.split('/');
  const pool = view.pools.get(namespace, name);
  if (pool === undefined) return {};
  if (!hasForge(pool)) {
    forges.forget(pool.metadata.uid);
    return {};
  }
  const known = forges.known(pool.metadata.uid);
  if (await isMended(pool, deps)) known.dueMs = now().getTime();

  const waitMs = Math.max(known.dueMs, known.failing?.againAtMs ?? 0) - now().getTime();
  if (waitMs > 0) return { againAfterMs: Math.min(waitMs, known.failing === undefined ? waitMs : MENDED_MS) };

  known.dueMs = Number.POSITIVE_INFINITY;
  const answered = await askForge(pool, deps);
  changed(key);
  const nextMs = now().getTime() + Math.max(LEAST_GAP_MS, answered ? pauseMs(awaitedOf(pool, deps)) : 0);
  // A wish that came meanwhile may be sooner.
  known.dueMs = Math.max(now().getTime() + LEAST_GAP_MS, Math.min(known.dueMs, nextMs));
  return { againAfterMs: Math.min(known.dueMs - now().getTime(), answered ? Infinity : MENDED_MS) };
}

/** Whether the adapter is another one now, since spec.forge or the Secret has changed. */
async function isMended(pool: PoolWithForge, { forges, now, changed }: ForgeDeps): Promise<boolean> {
  const { namespace, name, uid } = pool.metadata;
  try {
    return (await forges.refresh(pool)).changed;
  } catch (error) {
    const known = forges.known(uid);
    const stillWaits = known.failing !== undefined && known.failing.againAtMs > now().getTime();
    // That the Secret is not right is found out without asking the forge; it counts once a pause all the same.
    if (stillWaits) return false;
    known.failing = failingAfter(known.failing, error, now().getTime(), Math.random());
    changed(`${namespace}/${name}`);
    return false;
  }
}

function awaitedOf(pool: PoolWithForge, { view, now }: ForgeDeps) {
  const joining = tokensOf(pool, view).flatMap(({ status }) => {
    const { forge, join } = status ?? {};
    if (forge === undefined || forge.joinedAt !== undefined || forge.removedAt !== undefined) return [];
    return [now().getTime() - Date.parse(join?.handedOutAt ?? join?.claimedAt ?? now().toISOString())];
  });
  return {
    intervalMs: durationSeconds(pool.spec.forge.pollInterval) * 1000,
    joining,
    ending: pool.metadata.deletionTimestamp !== undefined,
  };
}
