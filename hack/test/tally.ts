import { z } from 'zod';

/** What of vitest's JSON report is counted. */
const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.unknown()) })),
});

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };

/**
 * Counts a run of vitest: its JSON report as text (undefined when it wrote none) and its exit code.
 * Whatever made it fail counts: a file that could not be loaded, an error outside every test, a crash.
 */
export function tally(report: string | undefined, exitCode: number | null): Tally {
  const parsed = parse(report);
  if (parsed === undefined) return { ...NOTHING, failed: 1 };
  const unloaded = parsed.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = parsed.numFailedTests + unloaded.length;
  return {
    passed: parsed.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: parsed.numPendingTests + parsed.numTodoTests,
  };
}

export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The last line of `make test`. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A run in which nothing ran has shown nothing. */
export function isGood({ passed, failed }: Tally): boolean {
  return passed > 0 && failed === 0;
}

function parse(report: string | undefined) {
  try {
    return reportSchema.parse(JSON.parse(report ?? ''));
  } catch {
    return undefined;
  }
}
