/** Keys that are remembered; forgetting one costs a look more. */
const MOST_KEYS = 10_000;

/**
 * Looks at a key at once when it has been quiet, and then no more often than every `ms`: what a single runner says is
 * seen without delay, and the changes of a pool of 200 that starts are not looked at 200 times.
 */
export function gather(
  addAfter: (key: string, ms: number) => void,
  ms: number,
  monotonic: () => number = () => performance.now(),
): (key: string) => void {
  /** When each key's latest look was, or will be. */
  const looks = new Map<string, number>();
  return (key) => {
    const now = monotonic();
    const latest = looks.get(key) ?? Number.NEGATIVE_INFINITY;
    // A look that is still to come sees this change as well.
    if (latest > now) return;
    const next = Math.max(now, latest + ms);
    if (looks.size >= MOST_KEYS) looks.clear();
    looks.set(key, next);
    addAfter(key, next - now);
  };
}
