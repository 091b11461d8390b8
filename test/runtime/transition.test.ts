import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RunnerState, runnerState } from '../../src/resources/runner_token.ts';
import { nextReport, type Report, transition } from '../../src/runtime/transition.ts';
import { NOW } from '../tokens/builders.ts';

const STATES = runnerState.options;
const table: Record<RunnerState | 'none', Record<RunnerState, 'new' | 'same' | 'illegal'>> = {
  none: { Installing: 'new', Idle: 'new', Busy: 'new', Terminated: 'new' },
  Installing: { Installing: 'same', Idle: 'new', Busy: 'new', Terminated: 'new' },
  Idle: { Installing: 'illegal', Idle: 'same', Busy: 'new', Terminated: 'new' },
  Busy: { Installing: 'illegal', Idle: 'illegal', Busy: 'same', Terminated: 'new' },
  Terminated: { Installing: 'illegal', Idle: 'illegal', Busy: 'illegal', Terminated: 'same' },
};
const rows = Object.entries(table).flatMap(([from, row]) =>
  Object.entries(row).map(
    ([to, verdict]) => [from, to, verdict] as [RunnerState | 'none', RunnerState, string],
  ),
);

test.each(rows)('from %s to %s is %s', (from, to, verdict) => {
  expect(transition(from === 'none' ? undefined : from, to)).toBe(verdict);
});

test('a runner that tells all it goes through ends Terminated, and never goes back', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STATES), { minLength: 1, maxLength: 30 }), (said) => {
      let at: Report | undefined;
      let place = -1;
      for (const [index, state] of said.entries()) {
        const next = nextReport(at, { state }, new Date(NOW.getTime() + index * 1000));
        if (next === undefined) continue;
        expect(STATES.indexOf(next.state)).toBeGreaterThanOrEqual(place);
        place = STATES.indexOf(next.state);
        at = next;
      }
      if (said.includes('Terminated')) expect(at?.state).toBe('Terminated');
    }),
  );
});

test('keeps the time of a state that is told again, and asks for no write that says nothing new', () => {
  const first = nextReport(undefined, { state: 'Idle' }, NOW);
  expect(first).toEqual({ state: 'Idle', since: NOW.toISOString() });
  const later = new Date(NOW.getTime() + 60_000);
  expect(nextReport(first, { state: 'Idle' }, later)).toBe(first);
  expect(nextReport(first, { state: 'Idle', message: 'waiting' }, later)).toEqual({
    state: 'Idle',
    message: 'waiting',
    since: NOW.toISOString(),
  });
});

test('remembers when it was busy, and that it never was', () => {
  const [idleAt, busyAt, endAt] = [0, 10, 20].map((seconds) => new Date(NOW.getTime() + seconds * 1000)) as [
    Date,
    Date,
    Date,
  ];
  const idle = nextReport(undefined, { state: 'Idle' }, idleAt);
  const busy = nextReport(idle, { state: 'Busy' }, busyAt);
  const busySince = busyAt.toISOString();
  expect(busy).toEqual({ state: 'Busy', since: busySince, busySince });
  expect(nextReport(busy, { state: 'Busy', message: 'step 2' }, endAt)).toMatchObject({
    since: busySince,
    busySince,
  });
  const since = endAt.toISOString();
  expect(nextReport(busy, { state: 'Terminated' }, endAt)).toEqual({ state: 'Terminated', since, busySince });
  expect(nextReport(idle, { state: 'Terminated' }, endAt)).toEqual({ state: 'Terminated', since });
});
