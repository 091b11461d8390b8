import { poolIdentity } from '../../credentials/recorded.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Recorded, Supplied } from '../../resources/supplied.ts';

/** Who brings a credential, or none: a pool for its own pods, a token for the runner that registered by it. */
export interface CredentialOwner {
  namespace: string;
  supplied: Supplied | undefined;
  /** Where `supplied` stands, for messages. */
  path: string;
  /** What is recorded while nothing is supplied. */
  own: Recorded;
}

export function ownerOfPool({ metadata, spec }: Pick<RunnerPool, 'metadata' | 'spec'>): CredentialOwner {
  return {
    namespace: metadata.namespace,
    supplied: spec.token.supplied,
    path: 'spec.token.supplied',
    own: poolIdentity(metadata),
  };
}

/**
 * A pod's runner gets its pool's. One that registered from elsewhere gets what its own token names and nothing else:
 * whoever holds a registration token is not by that trusted with the pool's credential.
 */
export function ownerOfRunner(token: RunnerToken, pool: RunnerPool): CredentialOwner {
  const ofPool = ownerOfPool(pool);
  if (token.spec.runner === undefined) return ofPool;
  return { ...ofPool, supplied: token.spec.supplied, path: 'spec.supplied' };
}
