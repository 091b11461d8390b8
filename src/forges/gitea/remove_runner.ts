import { z } from 'zod';
import { ForgeError } from '../forge_error.ts';
import { unlessGone } from '../unless_gone.ts';
import { type GiteaRunner, giteaRunner } from './answers.ts';
import type { GiteaApi } from './api.ts';
import { runnersWithJobs } from './jobs.ts';
import type { GiteaScope } from './scope.ts';

/**
 * Removes the record, if there is one, unless its runner has a job. Gitea itself removes that of a busy runner as well,
 * and its job then hangs until Gitea gives it up. So the runner is disabled, after which it is given no job; only then
 * it is looked at, and nothing can come in between.
 */
export async function removeRunner(api: GiteaApi, scope: GiteaScope, id: string): Promise<void> {
  const path = `${scope.path}/runners/${encodeURIComponent(id)}`;
  const doing = `remove the runner ${id} of ${scope.words}`;
  const runner = await disable(api, path, doing);
  if (runner === undefined) return;
  if (await hasJob(api, scope, runner)) throw new ForgeError('Refused', `cannot ${doing}: it has a job`);
  await unlessGone(api.call({ method: 'DELETE', path, answer: z.undefined(), doing }));
}

/** One that is not heard of any more is dead, whatever Gitea thinks that it has to do. */
async function hasJob(api: GiteaApi, scope: GiteaScope, runner: GiteaRunner): Promise<boolean> {
  if (runner.status !== 'online') return false;
  return runner.busy || (await runnersWithJobs(api, scope)).has(runner.id);
}

/** Older ones than 1.26 can't disable a runner: there it is looked at alone. */
async function disable(api: GiteaApi, path: string, doing: string): Promise<GiteaRunner | undefined> {
  try {
    const body = { disabled: true };
    return await api.call({ method: 'PATCH', path, body, answer: giteaRunner, doing, repeatable: true });
  } catch (error) {
    if (!(error instanceof ForgeError) || (error.status !== 404 && error.status !== 405)) throw error;
    return await unlessGone(api.call({ method: 'GET', path, answer: giteaRunner, doing }));
  }
}
