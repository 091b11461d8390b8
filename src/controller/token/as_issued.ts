import { isDeepStrictEqual } from 'node:util';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import { isRegistrationFor } from '../../tokens/registration_standing.ts';
import type { RunnerPod } from '../kinds.ts';
import type { View } from '../view.ts';
import { tokenSpec } from './token_manifest.ts';

/**
 * Whether the token's spec is what the controller would write for this pod: one made by hand must not become a runner's
 * identity. Which parent it names is the token's to say, as long as it is one of the pool's.
 */
export function isAsIssued(
  token: RunnerToken,
  pod: RunnerPod,
  pool: RunnerPool,
  { view, audience }: { view: Pick<View, 'tokens'>; audience: string },
): boolean {
  const parent = view.tokens.byUid(token.spec.parentRef?.uid ?? '');
  return (
    isRegistrationFor(parent, pool.metadata) &&
    isDeepStrictEqual(token.spec, tokenSpec(pod, pool, parent, audience))
  );
}
