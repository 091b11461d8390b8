import { durationSeconds } from '../../resources/duration.ts';
import type { PoolAction } from '../action.ts';
import { says, type Verdict } from './blocked.ts';
import { removeOrphans } from './forge_records.ts';
import type { Observed } from './observed.ts';

/** Condition of a deleted pool: since when, by its transition time, nothing but its records is left to wait for. */
export const FORGE_CLEANUP = 'ForgeCleanup';

export interface ForgeCleanup {
  actions: PoolAction[];
  verdict?: Verdict | undefined;
  againAfterMs?: number | undefined;
}

/** The forge is asked at short intervals meanwhile; see forge/pause.ts. */
const LOOK_MS = 2_000;

/**
 * What is left to do in the forge for a pool that is being deleted, once its pods are gone: its records go, and with the
 * last the finalizer. A forge that does not do its part is waited for as long as forgeCleanupTimeout, counted from a
 * condition, which outlives the controller; then the pool goes, and an event names what was left.
 */
export function forgeCleanup(observed: Observed, now: Date): ForgeCleanup {
  const { pool, forge, runners } = observed;
  if (!pool.hasForgeFinalizer) return { actions: [] };
  if (forge.standing === 'None') return { actions: [{ type: 'RemoveForgeFinalizer', left: [] }] };
  const removals = removeOrphans(observed);
  if (runners.length > 0) return { actions: removals, againAfterMs: LOOK_MS };

  const before = pool.status?.conditions.find((one) => one.type === FORGE_CLEANUP);
  const sinceMs = before === undefined ? now.getTime() : Date.parse(before.lastTransitionTime);
  const { records, joining, askedAtMs = Number.NEGATIVE_INFINITY } = forge;
  // An answer from before the last pod was gone says nothing of a record that its runner made then.
  const clean = before !== undefined && askedAtMs > sinceMs && forge.standing === 'Fine';
  if (clean && records.length === 0 && joining.length === 0)
    return { actions: [{ type: 'RemoveForgeFinalizer', left: [] }] };
  const leftMs = sinceMs + durationSeconds(pool.spec.lifecycle.forgeCleanupTimeout) * 1000 - now.getTime();
  if (before !== undefined && leftMs <= 0) {
    const left = records.length > 0 ? records.map((one) => one.name) : ['what there may be of its records'];
    return { actions: [{ type: 'RemoveForgeFinalizer', left }] };
  }
  const trouble = forge.trouble === undefined ? '' : `; ${forge.trouble.message}`;
  return {
    actions: removals,
    verdict: says(
      'False',
      'RemovingRecords',
      `${records.length} records of runners are left in the forge${trouble}`,
    ),
    againAfterMs: Math.max(0, Math.min(LOOK_MS, leftMs)),
  };
}
