/** What decides how soon a forge is asked again. */
export interface Awaited {
  /** spec.forge.pollInterval, in ms. */
  intervalMs: number;
  /** For how long each runner that got what it joins with has not been seen in the forge, in ms. */
  joining: readonly number[];
  /** Whether the pool is being deleted, and waits for its records to go. */
  ending: boolean;
}

/** Runners mostly join within seconds; one that has not by the minute is not asked for so often any more. */
const EAGER_FOR_MS = 60_000;
const EAGER_MS = 2_500;
const PATIENT_MS = 10_000;

/** How long after a look the next one comes, in ms; pure. */
export function pauseMs({ intervalMs, joining, ending }: Awaited): number {
  if (ending || joining.some((ms) => ms < EAGER_FOR_MS)) return Math.min(intervalMs, EAGER_MS);
  return joining.length > 0 ? Math.min(intervalMs, PATIENT_MS) : intervalMs;
}
