import type { EntityScope } from '../../resources/entity.ts';
import { ForgeError } from '../forge_error.ts';
import { identified } from './answers.ts';
import type { GitlabApi } from './api.ts';

/** What of GitLab the pool's runners serve, in GitLab's own terms. */
export interface GitlabScope {
  runnerType: 'instance_type' | 'group_type' | 'project_type';
  /** Below /api/v4, of what is asked about it: /groups/acme%2Fci, /projects/acme%2Fshop; absent for the instance. */
  path: string | undefined;
  /** "the group acme/ci", for messages. */
  words: string;
}

export function gitlabScope(scope: EntityScope | undefined): GitlabScope {
  const { type, name = '' } = scope ?? { type: 'instance' };
  // A path in place of an id is URL-encoded, slashes too (https://docs.gitlab.com/api/rest/#namespaced-paths).
  const path = encodeURIComponent(name);
  switch (type) {
    case 'instance':
      return { runnerType: 'instance_type', path: undefined, words: 'the instance' };
    case 'organization':
      return { runnerType: 'group_type', path: `/groups/${path}`, words: `the group ${name}` };
    case 'repository':
      return { runnerType: 'project_type', path: `/projects/${path}`, words: `the project ${name}` };
    case 'enterprise':
      throw new ForgeError('NotFound', 'spec.forge.scope: only GitHub has enterprises');
  }
}

/** What POST /user/runners names the scope by: it takes ids alone. An id stays when a group or project is renamed. */
export function scopeIds(
  api: GitlabApi,
  scope: GitlabScope,
): () => Promise<{ group_id?: number; project_id?: number }> {
  let found: Promise<{ id: number }> | undefined;
  return async () => {
    if (scope.path === undefined) return {};
    found ??= api.call({
      method: 'GET',
      path: `/api/v4${scope.path}`,
      // Else a group's answer has a page of its projects.
      query: scope.runnerType === 'group_type' ? { with_projects: 'false' } : {},
      answer: identified,
      doing: `look up ${scope.words}`,
    });
    try {
      const { id } = await found;
      return scope.runnerType === 'group_type' ? { group_id: id } : { project_id: id };
    } catch (error) {
      found = undefined;
      if (error instanceof ForgeError && error.reason === 'NotFound')
        throw new ForgeError('NotFound', `${scope.words} is not there, or the token may not see it`);
      throw error;
    }
  };
}
