import { expect, it } from 'vitest';
import type { AgentReport } from '../../../src/protocol/agent.ts';
import { reportOf } from '../../../src/runtime/agent/report_of.ts';
import { messageOf } from '../../../src/sidecar/agent_message.ts';

it.each<[AgentReport, object]>([
  [{ type: 'online', id: '1', ready: false }, { state: 'Installing' }],
  [
    { type: 'online', id: '1', ready: true, message: 'm' },
    { state: 'Idle', message: 'm' },
  ],
  [{ type: 'job-started', id: '1' }, { state: 'Busy' }],
  [{ type: 'job-finished', id: '1' }, { state: 'Terminated' }],
  [
    { type: 'job-finished', id: '1', exitCode: 0 },
    { state: 'Terminated', message: 'exit code 0' },
  ],
  [
    { type: 'job-finished', id: '1', exitCode: 3, message: 'x'.repeat(1024) },
    { state: 'Terminated', message: `exit code 3: ${'x'.repeat(1011)}` },
  ],
])('%j is a report', (message, report) => {
  expect(reportOf(message)).toEqual(report);
});

it.each(['Installing', 'Idle', 'Busy', 'Terminated'] as const)(
  'the sidecar’s message of %s means just that',
  (state) => {
    expect(reportOf(messageOf({ state }, '1'))).toEqual({ state });
    expect(reportOf(messageOf({ state, message: 'm' }, '1'))).toEqual({ state, message: 'm' });
  },
);
