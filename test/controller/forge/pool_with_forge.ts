import type { PoolWithForge } from '../../../src/controller/forge/forges.ts';
import { SecretKind } from '../../../src/kube/kinds.ts';
import { aPool } from '../../tokens/builders.ts';

/** The Secret of `poolWithForge`'s forge. */
export const secretOfForge = SecretKind.parse({
  metadata: {
    name: 'forge',
    namespace: 'ci',
    uid: 's',
    resourceVersion: '1',
    creationTimestamp: '2026-11-21T08:00:00Z',
  },
  data: { token: 'eA==' },
});

/** A pool with this UID whose runners join a Gitea. */
export function poolWithForge(uid: string): PoolWithForge {
  const pool = aPool();
  const forge = { ...pool.spec.forge, type: 'gitea' as const, url: 'https://gitea.example.test' };
  return {
    ...pool,
    metadata: { ...pool.metadata, uid },
    spec: { ...pool.spec, forge: { ...forge, credentialsSecretRef: { name: 'forge' } } },
  };
}
