/** The value that a share of the sorted samples does not exceed; `share` from 0 to 1 (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.max(0, Math.ceil(share * sorted.length) - 1);
  return sorted[rank] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

/** The least and the most of the samples, to show beside their median. */
export function spread(samples: readonly number[], digits = 0): string {
  return `[${percentile(samples, 0).toFixed(digits)} to ${percentile(samples, 1).toFixed(digits)}]`;
}

/** One line of the bench: a measure, what it came to, and whether that reaches the goal. */
export interface Figure {
  name: string;
  value: string;
  goal?: { text: string; met: boolean };
}

export function printFigure({ name, value, goal }: Figure): void {
  const verdict = goal === undefined ? '' : `   goal ${goal.text}: ${goal.met ? 'met' : 'MISSED'}`;
  console.log(`  ${name.padEnd(58)} ${value}${verdict}`);
}
