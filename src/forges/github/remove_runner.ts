import { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import type { GithubApi } from './api.ts';
import type { GithubScope } from './scope.ts';

export async function removeRunner(api: GithubApi, scope: GithubScope, id: string): Promise<void> {
  if (!/^\d+$/.test(id)) return;
  const doing = `remove the runner ${id} of the ${scope.words}`;
  try {
    await api.call({
      method: 'DELETE',
      path: `${scope.path}/actions/runners/${id}`,
      answer: z.undefined(),
      doing,
    });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    if (error.reason === 'NotFound') return;
    if (error.status !== 422) throw error;
    throw new ForgeError('Refused', `cannot ${doing}: it has a job (422)`, undefined, 422);
  }
}
