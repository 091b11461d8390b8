import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

/** What of vitest's JSON report is counted. */
const reportSchema = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({
          status: z.string(),
          fullName: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

type File = z.infer<typeof reportSchema>['testResults'][number];

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed and why, a short paragraph each: whoever sees only a log's end sees these. */
  failures: readonly string[];
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] };

/** Lines of a failure's message that are repeated at the end; the log above has it whole. */
const LINES_REPEATED = 6;

/**
 * Counts a run of vitest: its JSON report as text (undefined when it wrote none) and its exit code.
 * Whatever made it fail counts: a file that could not be loaded, an error outside every test, a crash.
 */
export function tally(report: string | undefined, exitCode: number | null): Tally {
  const parsed = parse(report);
  if (parsed === undefined) {
    return { ...NOTHING, failed: 1, failures: [`vitest ended with ${exitCode} and left no report`] };
  }
  const unloaded = parsed.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  const failed = parsed.numFailedTests + unloaded.length;
  const outside = failed === 0 && exitCode !== 0;
  return {
    passed: parsed.numPassedTests,
    failed: outside ? 1 : failed,
    skipped: parsed.numPendingTests + parsed.numTodoTests,
    failures: outside
      ? [`vitest ended with ${exitCode} though no test failed: see "Unhandled Errors" above`]
      : parsed.testResults.flatMap(failuresOf),
  };
}

function failuresOf({ name, status, message, assertionResults }: File): string[] {
  const file = relative(process.cwd(), name);
  if (status === 'failed' && assertionResults.length === 0) return [told(file, message)];
  return assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ fullName, failureMessages }) => told(`${file} > ${fullName}`, failureMessages?.join('\n') ?? ''));
}

function told(what: string, why: string): string {
  const lines = stripVTControlCharacters(why)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return [what, ...lines.slice(0, LINES_REPEATED).map((line) => `    ${line.slice(0, 300)}`)].join('\n');
}

export function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  };
}

/** The last line of `make test`. */
export function summary({ passed, failed, skipped }: Omit<Tally, 'failures'>): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A run in which nothing ran has shown nothing. */
export function isGood({ passed, failed }: Omit<Tally, 'failures'>): boolean {
  return passed > 0 && failed === 0;
}

function parse(report: string | undefined) {
  try {
    return reportSchema.parse(JSON.parse(report ?? ''));
  } catch {
    return undefined;
  }
}
