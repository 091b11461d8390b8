import { CacheRefused } from '../cache/refused.ts';

const DAY_MS = 24 * 3600_000;

/**
 * When an artifact expires, in ms since the epoch: when its job says, at most the pool's retention from now, which is
 * also what holds when it says nothing. Throws `invalid-artifact` for a time that is over.
 */
export function expiryOf(asked: string | undefined, maxRetentionDays: number, now: number): number {
  const latest = now + maxRetentionDays * DAY_MS;
  if (asked === undefined) return latest;
  const time = Date.parse(asked);
  if (!(time > now)) throw new CacheRefused('invalid-artifact', 'The artifact would have expired already.');
  return Math.min(time, latest);
}
