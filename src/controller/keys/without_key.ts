import type { RunnerToken } from '../../resources/runner_token.ts';
import type { KeyRing } from './key_ring.ts';

/** Tokens that were given a JWT by a key that is there no more. Deleting a key is how what it signed is revoked. */
export function withoutKey(tokens: readonly RunnerToken[], ring: Pick<KeyRing, 'has'>): RunnerToken[] {
  return tokens.filter(
    ({ status }) => status?.phase === 'Active' && status.keyId !== undefined && !ring.has(status.keyId),
  );
}
