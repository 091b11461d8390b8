import { vi } from 'vitest';

/** Waits until the check no longer throws; long enough for a machine with much else to do. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { interval: 2, timeout: 15_000 });
}
