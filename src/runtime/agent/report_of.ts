import type { AgentReport } from '../../protocol/agent.ts';
import type { RunnerStatusRequest } from '../../protocol/runner.ts';

/** What a message says of the runner, as a report of its state; pure. */
export function reportOf(said: AgentReport): RunnerStatusRequest {
  const message = said.message === undefined ? {} : { message: said.message };
  switch (said.type) {
    case 'online':
      return { state: said.ready ? 'Idle' : 'Installing', ...message };
    case 'job-started':
      return { state: 'Busy', ...message };
    case 'job-finished':
      return { state: 'Terminated', ...withExitCode(said.message, said.exitCode) };
  }
}

function withExitCode(message: string | undefined, exitCode: number | undefined): { message?: string } {
  const parts = [exitCode === undefined ? undefined : `exit code ${exitCode}`, message].filter(
    (part) => part !== undefined,
  );
  return parts.length === 0 ? {} : { message: parts.join(': ').slice(0, 1024) };
}
