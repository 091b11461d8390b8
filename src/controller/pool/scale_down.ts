import type { Runner } from './observed.ts';
import { identityLost, type Standing, standingOf } from './standing.ts';

export interface ScaleDown {
  /** Nobody misses these: they may be deleted at once. */
  remove: Runner[];
  /** Busy ones that have to go when they have finished, or when their drainTimeout has passed. */
  drain: Runner[];
}

/** Who goes first: what works least. Ending ones go by themselves. */
const ORDER: Record<Standing, number> = {
  Starting: 0,
  Ending: 1,
  Idle: 2,
  Busy: 3,
  Finished: 4,
  Terminating: 4,
};

/** Chooses which runners to do without so that `target` of the live are left: never a busy one at once. */
export function scaleDown(live: readonly Runner[], target: number, templateHash: string): ScaleDown {
  const excess = live.length - target;
  if (excess <= 0) return { remove: [], drain: [] };
  const order = [...live].sort(
    (a, b) =>
      ORDER[standingOf(a)] - ORDER[standingOf(b)] ||
      Number(identityLost(b)) - Number(identityLost(a)) ||
      Number(b.templateHash !== templateHash) - Number(a.templateHash !== templateHash) ||
      // Whoever drains already goes on draining: a new choice would start the clock again.
      (a.drainSinceMs ?? Number.POSITIVE_INFINITY) - (b.drainSinceMs ?? Number.POSITIVE_INFINITY) ||
      b.slot - a.slot ||
      b.createdAtMs - a.createdAtMs ||
      a.uid.localeCompare(b.uid),
  );
  const chosen = order.slice(0, excess);
  return {
    remove: chosen.filter((one) => standingOf(one) === 'Starting' || standingOf(one) === 'Idle'),
    drain: chosen.filter((one) => standingOf(one) === 'Busy'),
  };
}
