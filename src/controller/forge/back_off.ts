import { ForgeError } from '../../forges/forge_error.ts';
import type { Failing } from './known_forge.ts';

const FIRST_MS = 5_000;
const LONGEST_MS = 5 * 60_000;

/**
 * What a further failure makes of those before it: pauses double from 5 s to 5 min, and are never shorter than the
 * forge asked for; a tenth is left to chance, so that many pools do not come at once; pure.
 *
 * @param chance From 0 to 1.
 */
export function failingAfter(
  before: Failing | undefined,
  error: unknown,
  nowMs: number,
  chance: number,
): Failing {
  const { reason, message, forPerson, retryAfterMs } = asForgeError(error);
  const failures = (before?.failures ?? 0) + 1;
  const pauseMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * (1 + chance / 10);
  return {
    reason,
    message: message.slice(0, 800),
    forPerson,
    failures,
    againAtMs: nowMs + Math.max(pauseMs, retryAfterMs ?? 0),
  };
}

/** The same as an error again, for whoever asks before its time. */
export function toError({ reason, message, againAtMs }: Failing, nowMs: number): ForgeError {
  return new ForgeError(reason, message, Math.max(0, againAtMs - nowMs));
}

/** An adapter promises ForgeError alone; the text of anything else may hold what nobody is to read. */
export function asForgeError(error: unknown): ForgeError {
  return error instanceof ForgeError
    ? error
    : new ForgeError('Unavailable', 'asking the forge failed in a way that Harrier does not know');
}
