/** How a cell has behaved of late. Times in milliseconds of a clock that never goes back. */
export interface Health {
  /** Failures since the last success. */
  failures: number;
  /** How often it was ejected since the last success. */
  ejections: number;
  /** Nothing is sent to it before this. */
  ejectedUntil: number;
}

export const SOUND: Health = { failures: 0, ejections: 0, ejectedUntil: Number.NEGATIVE_INFINITY };

export interface EjectionRules {
  /** So many failures in a row eject. */
  after: number;
  /** How long at first; twice as long each time. */
  firstMs: number;
  mostMs: number;
}

export const EJECTION: EjectionRules = { after: 3, firstMs: 1_000, mostMs: 30_000 };

/**
 * A failure ejects when it is one too many in a row. When an ejection is over, requests are let through again, and the
 * first that fails ejects for twice as long: nobody waits for as many failures again.
 */
export function afterFailure(health: Health, now: number, rules: EjectionRules = EJECTION): Health {
  // Requests that were under way when the cell died fail by the hundred; they are one death.
  if (isEjected(health, now)) return health;
  const failures = health.failures + 1;
  if (failures < rules.after) return { ...health, failures };
  const lasts = Math.min(rules.mostMs, rules.firstMs * 2 ** health.ejections);
  return { failures, ejections: health.ejections + 1, ejectedUntil: now + lasts };
}

export function isEjected(health: Health, now: number): boolean {
  return now < health.ejectedUntil;
}

/** Seconds after which another try makes sense, for Retry-After. */
export function retryAfterSeconds(health: Health, now: number): number {
  return Math.max(1, Math.ceil((health.ejectedUntil - now) / 1000));
}
