import type { ForgeRunner } from '../forge.ts';
import { ForgeError } from '../forge_error.ts';
import { type GithubRunner, runnersPage } from './answers.ts';
import type { GithubApi } from './api.ts';
import type { GithubScope } from './scope.ts';

const TIMES = 3;

/**
 * Pages are counted from the list's begin: a record that goes meanwhile moves another from the next page to one that
 * was read already. A list that lacks some of its own total is therefore read again, for a runner that seems to be gone
 * loses its pod.
 */
export async function listRunners(
  api: GithubApi,
  scope: GithubScope,
  prefix: string,
): Promise<ForgeRunner[]> {
  const doing = `list the runners of the ${scope.words}`;
  for (let time = 1; time <= TIMES; time++) {
    const found = new Map<number, GithubRunner>();
    let total = 0;
    for await (const page of api.pages({ path: `${scope.path}/actions/runners`, page: runnersPage, doing })) {
      total = page.total_count;
      for (const runner of page.runners) found.set(runner.id, runner);
    }
    if (found.size >= total)
      return [...found.values()].filter(({ name }) => name.startsWith(prefix)).map(asForgeRunner);
  }
  throw new ForgeError('Unavailable', `cannot ${doing}: the list changed each time while it was read`);
}

export function asForgeRunner({ id, name, status, busy }: GithubRunner): ForgeRunner {
  return { id: String(id), name, state: busy ? 'Busy' : status === 'online' ? 'Idle' : 'Offline' };
}
