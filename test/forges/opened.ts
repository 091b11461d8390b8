import type { Forge } from '../../src/forges/forge.ts';
import { openForge } from '../../src/forges/open_forge.ts';
import { poolForge } from '../../src/resources/pool_forge.ts';

/** The forge of a pool `ci/linux`, on loopback, as the controller opens it. */
export function opened(
  forge: { type: string; url: string; scope?: object },
  secret: Readonly<Record<string, string>>,
): Forge {
  return openForge(
    {
      forge: { ...poolForge.parse({ credentialsSecretRef: { name: 'forge' }, ...forge }), url: forge.url },
      pool: { namespace: 'ci', name: 'linux', uid: '0d5c3ea0-7c55-4a43-9d5e-2f9e6d1f8a11' },
      secret,
    },
    { allowedHosts: ['127.0.0.1'] },
  );
}
