import type { EntityScope } from '../../resources/entity.ts';
import { ForgeError } from '../forge_error.ts';

/** What of GitHub the pool's runners serve. */
export interface GithubScope {
  type: 'repository' | 'organization' | 'enterprise';
  /** Below the API's base: /repos/owner/name, /orgs/name or /enterprises/slug. */
  path: string;
  /** For messages. */
  words: string;
  /** Name of the repository alone, where it is one. */
  repository?: string;
}

/** Throws NotFound for what GitHub's API has no runners of. */
export function githubScope(scope: EntityScope | undefined): GithubScope {
  const name = scope?.name ?? '';
  const words = `${scope?.type ?? 'instance'} ${name}`;
  if (scope?.type === 'repository') {
    const [owner, repository, ...more] = name.split('/');
    if (owner && repository && more.length === 0)
      return { type: 'repository', path: `/repos/${part(owner)}/${part(repository)}`, words, repository };
  }
  if (scope?.type === 'organization' && isOnePart(name))
    return { type: 'organization', path: `/orgs/${part(name)}`, words };
  if (scope?.type === 'enterprise' && isOnePart(name))
    return { type: 'enterprise', path: `/enterprises/${part(name)}`, words };
  throw new ForgeError(
    'NotFound',
    'spec.forge.scope must be a repository (owner/name), an organization or an enterprise (its slug): runners on GitHub belong to one of these',
  );
}

function isOnePart(name: string): boolean {
  return name !== '' && !name.includes('/');
}

/** A dot alone would lead to another path. */
function part(text: string): string {
  if (/^\.+$/.test(text)) throw new ForgeError('NotFound', 'spec.forge.scope names nothing on GitHub');
  return encodeURIComponent(text);
}
