import type { GiteaServer } from '../../../hack/servers/gitea/server.ts';
import { listedHosts } from '../../../src/egress/allowed_hosts.ts';
import type { Forge } from '../../../src/forges/forge.ts';
import { openGitea } from '../../../src/forges/gitea/open.ts';
import { createForgeHttp } from '../../../src/forges/http/create_forge_http.ts';
import type { EntityScope } from '../../../src/resources/entity.ts';
import { poolForge } from '../../../src/resources/pool_forge.ts';

export const POOL = { namespace: 'runners', name: 'linux', uid: '01234567-89ab-cdef-0123-456789abcdef' };

/** The adapter of a pool at this Gitea, through the real client. */
export function openAt(
  gitea: Pick<GiteaServer, 'url' | 'token'>,
  scope: EntityScope,
  token = gitea.token,
): Forge {
  const forge = {
    ...poolForge.parse({ type: 'gitea', url: gitea.url, scope, credentialsSecretRef: { name: 'forge' } }),
    url: gitea.url,
  };
  const secret = { token };
  const allowed = listedHosts([new URL(gitea.url).host]);
  return openGitea({ forge, pool: POOL, secret }, createForgeHttp({ forge, secret, allowed }));
}
