import type { SlotFailure } from '../../resources/runner_pool.ts';
import { MAX_FAILURES } from './failed_starts.ts';
import type { Runner } from './observed.ts';

export interface Filling {
  /** Runners to make now. */
  create: { slot: number; serial: number; attempt: number }[];
  /** Empty slots that are wanted, those that wait for their back-off too. */
  wanted: number[];
  /** When the next back-off is over, in ms from now. */
  nextStartMs?: number | undefined;
}

/**
 * Fills the lowest empty slots until `target` runners live. A slot in back-off keeps its place and waits, so the
 * others are not held up, and no other slot is tried in its stead.
 *
 * The serial sets a slot's pods apart by name. It starts from how many runners the status says were ever made, and is
 * above that of every pod seen in the slot, so a name is used again neither after a crash before the status was
 * written nor while the namesake's token waits to be collected.
 */
export function fillSlots(
  occupied: readonly Runner[],
  all: readonly Runner[],
  target: number,
  failures: readonly SlotFailure[],
  created: number,
  now: Date,
): Filling {
  const taken = new Set(occupied.map((one) => one.slot));
  const failureOf = new Map(failures.map((one) => [one.slot, one]));
  const lastSerial = new Map<number, number>();
  for (const one of all) lastSerial.set(one.slot, Math.max(lastSerial.get(one.slot) ?? 0, one.serial));
  const filling: Filling = { create: [], wanted: [] };
  for (let slot = 0; filling.wanted.length < target - occupied.length; slot += 1) {
    if (taken.has(slot)) continue;
    filling.wanted.push(slot);
    const failure = failureOf.get(slot) ?? (failures.length >= MAX_FAILURES ? failures[0] : undefined);
    const waitMs = failure === undefined ? 0 : Date.parse(failure.notBefore) - now.getTime();
    if (waitMs > 0) {
      filling.nextStartMs = Math.min(filling.nextStartMs ?? Number.POSITIVE_INFINITY, waitMs);
      continue;
    }
    filling.create.push({
      slot,
      serial: Math.max(created + 1, (lastSerial.get(slot) ?? 0) + 1),
      attempt: (failureOf.get(slot)?.attempt ?? 0) + 1,
    });
  }
  return filling;
}
