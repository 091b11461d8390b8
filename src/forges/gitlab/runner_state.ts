import { z } from 'zod';
import type { ForgeRunner } from '../forge.ts';
import type { ListedRunner } from './answers.ts';
import type { GitlabApi } from './api.ts';

/**
 * Online is whoever asked for a job in the last two hours (https://docs.gitlab.com/ci/runners/runners_scope/), so a
 * runner that is gone stays online for long. That a runner was there once is told at once.
 */
export async function stateOf(api: GitlabApi, runner: ListedRunner): Promise<ForgeRunner['state']> {
  if (runner.status !== 'online') return 'Offline';
  const busy = runner.job_execution_status ?? (await executionStatus(api, runner.id));
  return busy === 'active' ? 'Busy' : 'Idle';
}

async function executionStatus(api: GitlabApi, id: number): Promise<'active' | 'idle'> {
  const running = await api.call({
    method: 'GET',
    path: `/api/v4/runners/${id}/jobs`,
    query: { status: 'running', per_page: 1 },
    answer: z.array(z.unknown()),
    doing: `look whether runner ${id} has a job`,
  });
  return running.length > 0 ? 'active' : 'idle';
}
