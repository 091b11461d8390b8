import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { add, isGood, NOTHING, summary, tally } from '../../../hack/test/tally.ts';

const counts = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
const report = (changes: object = {}) => JSON.stringify({ ...counts, testResults: [], ...changes });
const file = (status: string, tests: number) => ({
  name: resolve('test/some.test.ts'),
  status,
  message: 'cannot be loaded',
  assertionResults: Array(tests).fill({
    status,
    fullName: 'does it',
    failureMessages: ['\u001b[31mno\u001b[39m\n\nat x'],
  }),
});

describe('what a run of vitest counts for', () => {
  test.each([
    ['all is well', report(), 0, { passed: 3, failed: 0, skipped: 0 }],
    ['a test fails', report({ numFailedTests: 2 }), 1, { passed: 3, failed: 2, skipped: 0 }],
    [
      'tests are skipped or to do',
      report({ numPendingTests: 2, numTodoTests: 1 }),
      0,
      { passed: 3, failed: 0, skipped: 3 },
    ],
    [
      'a file cannot be loaded',
      report({ testResults: [file('failed', 0), file('passed', 3)] }),
      1,
      { passed: 3, failed: 1, skipped: 0 },
    ],
    [
      'a failed file is not counted beside its failed tests',
      report({ numFailedTests: 1, testResults: [file('failed', 2)] }),
      1,
      { passed: 3, failed: 1, skipped: 0 },
    ],
    ['an error outside every test', report(), 1, { passed: 3, failed: 1, skipped: 0 }],
    ['killed after the report', report(), null, { passed: 3, failed: 1, skipped: 0 }],
    ['no report', undefined, 0, { passed: 0, failed: 1, skipped: 0 }],
    ['half a report', report().slice(0, 20), 1, { passed: 0, failed: 1, skipped: 0 }],
  ])('%s', (_, text, exitCode, wanted) => {
    expect(tally(text, exitCode)).toMatchObject(wanted);
  });
});

describe('what failed is told at the end', () => {
  test.each([
    ['a test by its file, its name and why', 'failed', 1, 'test/some.test.ts > does it\n    no\n    at x'],
    ['a file that cannot be loaded', 'failed', 0, 'test/some.test.ts\n    cannot be loaded'],
  ])('%s', (_, status, tests, wanted) => {
    const text = report({ numFailedTests: tests, testResults: [file('passed', 2), file(status, tests)] });
    expect(tally(text, 1).failures).toEqual([wanted]);
  });

  test.each([
    ['nothing when all is well', report({ testResults: [file('passed', 2)] }), 0, 0],
    ['an error outside every test', report(), 1, 1],
    ['a run without a report', undefined, 1, 1],
  ])('%s', (_, text, exitCode, wanted) => {
    expect(tally(text, exitCode).failures).toHaveLength(wanted);
  });
});

test('the last line names skipped tests only when there are some', () => {
  expect(summary({ passed: 5, failed: 1, skipped: 0 })).toBe('5 passed, 1 failed');
  expect(summary({ passed: 5, failed: 0, skipped: 2 })).toBe('5 passed, 0 failed, 2 skipped');
});

test('a run is good when something passed and nothing failed', () => {
  const passed = { ...NOTHING, passed: 1 };
  expect(isGood(passed)).toBe(true);
  expect(isGood(add(passed, { ...NOTHING, failed: 1 }))).toBe(false);
  expect(isGood({ ...NOTHING, skipped: 9 })).toBe(false);
});
