import type { EntityScope } from '../../resources/entity.ts';
import { ForgeError } from '../forge_error.ts';

/** What of a Gitea the pool's runners serve; Forgejo has the same paths. */
export interface GiteaScope {
  /** Of its actions: /api/v1/orgs/acme/actions. */
  path: string;
  /** "the organization acme", for messages. */
  words: string;
}

export function giteaScope(scope: EntityScope | undefined): GiteaScope {
  const { type, name = '' } = scope ?? { type: 'instance' };
  const path = name.split('/').map(encodeURIComponent).join('/');
  switch (type) {
    case 'instance':
      return { path: '/api/v1/admin/actions', words: 'the instance' };
    case 'organization':
      return { path: `/api/v1/orgs/${path}/actions`, words: `the organization ${name}` };
    case 'repository':
      return { path: `/api/v1/repos/${path}/actions`, words: `the repository ${name}` };
    case 'enterprise':
      throw new ForgeError('NotFound', 'spec.forge.scope: only GitHub has enterprises');
  }
}
