import { type Clock, systemClock } from '../kube/clock.ts';

/** Keys that are remembered; forgetting one costs a look more. */
const MOST_KEYS = 10_000;

/**
 * Looks at a key at once when it has been quiet, and then no more often than every `ms`: what a single runner says is
 * seen without delay, and the changes of a pool of 200 that starts are not looked at 200 times.
 */
export function gather(
  add: (key: string) => void,
  ms: number,
  clock: Clock = systemClock,
): (key: string) => void {
  /** When each key's latest look was. */
  const looks = new Map<string, number>();
  /** Keys whose next look is still to come, which sees what has changed until then. */
  const coming = new Set<string>();

  function look(key: string): void {
    if (looks.size >= MOST_KEYS) looks.clear();
    looks.set(key, clock.now());
    add(key);
  }

  return (key) => {
    if (coming.has(key)) return;
    const wait = (looks.get(key) ?? Number.NEGATIVE_INFINITY) + ms - clock.now();
    if (wait <= 0) return look(key);
    coming.add(key);
    clock.after(wait, () => {
      // That it has come is known by its coming: a timer may fire a moment before its time, and a change in that
      // moment, taken for one that the look will still see, would be seen by none.
      coming.delete(key);
      look(key);
    });
  };
}
