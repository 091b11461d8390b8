import type { Verdict } from '../../credentials/verdict.ts';

/** A verdict, and what it was come to by. */
export interface Judged {
  /** UID and resourceVersion of the Secret. */
  version: string;
  verdict: Verdict;
  atMs: number;
  /** Refusals of this version in a row. */
  refusals: number;
}

/** A good credential is validated again after so long, in case it was revoked where it came from. */
const GOOD_MS = 5 * 60_000;
/** A refused one of an unchanged Secret too: the service may have been at fault. Doubles up to the longest. */
const REFUSED_MS = { first: 5_000, longest: 5 * 60_000 };

/** Whether the Secret's value must be validated (again) now; a changed Secret always; pure. */
export function isDue(last: Judged | undefined, version: string, nowMs: number): boolean {
  if (last === undefined || last.version !== version) return true;
  if (last.verdict.good) return nowMs - last.atMs >= GOOD_MS;
  const pause = Math.min(REFUSED_MS.longest, REFUSED_MS.first * 2 ** Math.min(last.refusals - 1, 10));
  return nowMs - last.atMs >= pause;
}

/**
 * What counts from now on. That the service can't be asked says nothing against a credential which it found good: an
 * outage of it stops no pool; pure.
 */
export function succeeding(
  last: Judged | undefined,
  version: string,
  verdict: Verdict,
  nowMs: number,
): Judged {
  const before = last?.version === version ? last : undefined;
  const refusals = verdict.good ? 0 : (before?.refusals ?? 0) + 1;
  const outage = !verdict.good && verdict.reason === 'CredentialUnverifiable';
  const kept = outage && before?.verdict.good === true ? before.verdict : verdict;
  return { version, verdict: kept, atMs: nowMs, refusals };
}

/** The verdict at this time: a good one ends when the credential does; pure. */
export function asOf(verdict: Verdict, path: string, nowMs: number): Verdict {
  if (!verdict.good || verdict.expiresAtMs === undefined || nowMs < verdict.expiresAtMs) return verdict;
  return {
    good: false,
    reason: 'CredentialExpired',
    message: `${path}: the credential has expired; put a new one into the Secret`,
  };
}
