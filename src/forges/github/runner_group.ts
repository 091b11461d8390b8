import { ForgeError } from '../forge_error.ts';
import { groupsPage } from './answers.ts';
import type { GithubApi } from './api.ts';
import type { GithubScope } from './scope.ts';

/** Every organization, and every repository's runners, have it; of an enterprise it is the first one as well. */
const DEFAULT_GROUP = 1;

/** Id of the group that runners join: by its name, which GitHub takes in any case; its default without one. */
export async function findRunnerGroup(
  api: GithubApi,
  scope: GithubScope,
  name: string | undefined,
): Promise<number> {
  if (name === undefined) return DEFAULT_GROUP;
  const doing = `find the runner group ${JSON.stringify(name)} of the ${scope.words}`;
  if (scope.type === 'repository')
    throw new ForgeError('NotFound', `cannot ${doing}: a repository has no groups; leave out runnerGroup`);
  const wanted = name.toLowerCase();
  const groups = api.pages({ path: `${scope.path}/actions/runner-groups`, page: groupsPage, doing });
  for await (const { runner_groups } of groups) {
    const found = runner_groups.find((group) => group.name.toLowerCase() === wanted);
    if (found !== undefined) return found.id;
  }
  throw new ForgeError(
    'NotFound',
    `cannot ${doing}: there is none; make it, or correct spec.forge.runnerGroup`,
  );
}
