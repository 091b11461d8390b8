import { durationSeconds } from '../../resources/duration.ts';
import type { AutoscalingStatus, PoolAutoscaling } from '../../resources/pool_autoscaling.ts';

export interface Demand {
  /** Jobs that wait; undefined where that can't be known. */
  queued: number | undefined;
  /** Runners with a job. */
  busy: number;
  /** Whether what is known may be out of date, since the forge does not answer: then nothing is taken away. */
  stale: boolean;
}

export interface Autoscaled {
  replicas: number;
  /** Runners that are needed at this moment, within min and max. */
  needed: number;
  /** What the next decision goes by. */
  status: AutoscalingStatus | undefined;
  /** When time alone asks for another decision, in ms from now. */
  againAfterMs?: number | undefined;
}

/**
 * As many runners as there are jobs queued and running, and minIdle beyond, within min and max. More at once; fewer
 * only when fewer have been enough for scaleDownDelay, and then as many as were needed most in that time: a queue that
 * comes and goes moves nothing; pure.
 */
export function autoscale(
  { min, max, minIdle, scaleDownDelay }: PoolAutoscaling,
  replicas: number,
  { queued, busy, stale }: Demand,
  before: AutoscalingStatus | undefined,
  now: Date,
): Autoscaled {
  const needed = Math.max(min, Math.min(max, (queued ?? 0) + busy + minIdle));
  // Bounds are somebody's word, and need no patience.
  const bounded = Math.min(replicas, max);
  if (needed >= bounded) return { replicas: needed, needed, status: undefined };
  if (stale) return { replicas: bounded, needed, status: undefined };

  const nowMs = now.getTime();
  const began = before === undefined ? Number.NaN : Date.parse(before.fewerSince);
  // One that is from the future, or of more runners than there are, is of another time.
  const goesOn = before !== undefined && began <= nowMs && before.mostSince < bounded;
  const sinceMs = goesOn ? began : nowMs;
  const most = Math.max(needed, goesOn ? before.mostSince : 0);
  const leftMs = sinceMs + durationSeconds(scaleDownDelay) * 1000 - nowMs;
  if (leftMs > 0)
    return {
      replicas: bounded,
      needed,
      status: { fewerSince: timestamp(sinceMs), mostSince: most },
      againAfterMs: leftMs,
    };
  // Fewer than what is left may have been enough already; for how long, begins to count now.
  const fewer = needed < most ? { fewerSince: timestamp(nowMs), mostSince: needed } : undefined;
  return {
    replicas: most,
    needed,
    status: fewer,
    againAfterMs: fewer && durationSeconds(scaleDownDelay) * 1000,
  };
}

/** In whole milliseconds: cut to seconds, the delay would be up to one shorter than was asked for. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
