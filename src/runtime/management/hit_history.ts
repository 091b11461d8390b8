import type { Clock } from '../../tokens/clock.ts';

/** Look-ups of one stretch of time. */
export interface HitStep {
  /** Milliseconds since the epoch. */
  at: number;
  hits: number;
  misses: number;
}

export interface HitHistory {
  readonly stepMs: number;
  /** When the counting began, in ms since the epoch. */
  readonly since: number;
  count(tenant: string, hit: boolean): void;
  /** Steps of the last 24 hours in which one of these namespaces looked anything up, oldest first. */
  read(namespaces: readonly string[]): HitStep[];
}

const STEP_MS = 5 * 60_000;
const STEPS = (24 * 3_600_000) / STEP_MS;

/** Numbers of the step that each place of the ring holds, and the counts of it. */
interface Ring {
  step: Float64Array;
  hits: Uint32Array;
  misses: Uint32Array;
}

/**
 * How often look-ups hit over the last 24 hours, in memory: 5 KiB for each namespace served, whatever happens. It is
 * for a picture of the day on the page; who wants more scrapes the metrics.
 */
export function createHitHistory(namespaces: readonly string[], now: Clock): HitHistory {
  const rings = new Map(namespaces.map((namespace) => [namespace, makeRing()]));
  const since = now();
  return {
    stepMs: STEP_MS,
    since,
    count(tenant, hit) {
      // A visitor's tenant begins with an issuer's URL, and so is of no namespace.
      const ring = rings.get(tenant.slice(0, tenant.indexOf('/')));
      if (ring === undefined) return;
      const step = Math.floor(now() / STEP_MS);
      const place = step % STEPS;
      if (ring.step[place] !== step) {
        ring.step[place] = step;
        ring.hits[place] = 0;
        ring.misses[place] = 0;
      }
      const counts = hit ? ring.hits : ring.misses;
      counts[place] = (counts[place] ?? 0) + 1;
    },
    read(wanted) {
      const newest = Math.floor(now() / STEP_MS);
      const steps = new Map<number, HitStep>();
      for (const namespace of wanted) {
        const ring = rings.get(namespace);
        if (ring === undefined) continue;
        for (const [place, step] of ring.step.entries()) {
          if (step <= newest - STEPS || step > newest) continue;
          const sum = steps.get(step) ?? { at: step * STEP_MS, hits: 0, misses: 0 };
          sum.hits += ring.hits[place] ?? 0;
          sum.misses += ring.misses[place] ?? 0;
          steps.set(step, sum);
        }
      }
      return [...steps.values()].sort((a, b) => a.at - b.at);
    },
  };
}

function makeRing(): Ring {
  return {
    step: new Float64Array(STEPS).fill(-1),
    hits: new Uint32Array(STEPS),
    misses: new Uint32Array(STEPS),
  };
}
