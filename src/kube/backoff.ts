/** Pauses that double from `least` to `most` milliseconds, each between half and the whole of it at random. */
export function backoff(
  { least, most }: { least: number; most: number },
  random: () => number = Math.random,
) {
  let failures = 0;
  return {
    next(): number {
      const whole = Math.min(most, least * 2 ** Math.min(failures, 30));
      failures += 1;
      return whole * (0.5 + random() / 2);
    },
    reset(): void {
      failures = 0;
    },
  };
}
