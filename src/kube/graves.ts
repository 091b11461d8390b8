import { isLater } from './resource_version.ts';

/** More than that are not remembered: answers and events are late by seconds, not by 20,000 deletions. */
const MOST = 20_000;

/** UIDs that have ended, so that a late answer or event does not bring them back. */
export function graves(most: number = MOST) {
  const known = new Map<string, { until: string; number: number }>();
  let newest = 0;
  return {
    /** Number of the newest burial. */
    get newest(): number {
      return newest;
    },
    /** `until` is the resourceVersion up to which news of the UID is stale, or `forever`. */
    bury(uid: string, until: string): void {
      const before = known.get(uid);
      if (before !== undefined && until !== 'forever' && before.until !== 'forever')
        if (!isLater(until, before.until)) return;
      known.delete(uid);
      known.set(uid, { until, number: ++newest });
      if (known.size > most) for (const oldest of known.keys()) return void known.delete(oldest);
    },
    holds(uid: string, resourceVersion: string): boolean {
      const grave = known.get(uid);
      if (grave === undefined) return false;
      return grave.until === 'forever' || !isLater(resourceVersion, grave.until);
    },
    /** Forgets a burial no later than the one numbered `upTo`; whether it did. */
    exhume(uid: string, upTo: number): boolean {
      const grave = known.get(uid);
      if (grave === undefined || grave.number > upTo) return false;
      return known.delete(uid);
    },
  };
}
