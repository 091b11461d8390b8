import type { RunnerToken } from '../resources/runner_token.ts';
import { HARRIER_CLAIM, type RuntimeClaims } from '../tokens/claims.ts';
import { TokenRefused } from '../tokens/refusal.ts';
import { upholds } from '../tokens/registration_standing.ts';
import type { PodLife } from './pod_life.ts';

/**
 * Whether the cluster still stands behind these claims: the RunnerToken when it does, else throws TokenRefused.
 * UIDs decide and not names, since a namesake made later is somebody else. A pod is dead from its deletionTimestamp
 * on, not from its disappearance, which may be a grace period later.
 */
export function judge(
  claims: RuntimeClaims,
  token: RunnerToken | undefined,
  { pod, parent }: { pod: PodLife | undefined; parent: RunnerToken | undefined },
): RunnerToken {
  const said = claims[HARRIER_CLAIM];
  if (token === undefined || token.metadata.uid !== claims.jti) throw new TokenRefused('unknown-token');
  if (token.metadata.namespace !== said.namespace) throw new TokenRefused('unknown-token');
  if (token.metadata.deletionTimestamp !== undefined || token.status?.phase !== 'Active') {
    throw new TokenRefused('revoked-token');
  }
  if (token.spec.type !== 'Runtime') throw new TokenRefused('unknown-token');
  // The api itself writes both, and the controller's word may be a moment behind.
  if (token.status.endedAt !== undefined) throw new TokenRefused('revoked-token');
  if (token.status.replacedBy !== undefined) throw new TokenRefused('old-attempt');
  if ((token.spec.attempt ?? 1) !== said.attempt) throw new TokenRefused('old-attempt');
  if (token.spec.parentRef !== undefined && !upholds(parent, token.spec.parentRef.uid))
    throw new TokenRefused('revoked-parent');
  if (token.spec.podRef?.uid !== said.pod?.uid) throw new TokenRefused('dead-pod');
  if (said.pod === undefined) return token;
  if (pod === undefined || pod.metadata.uid !== said.pod.uid) throw new TokenRefused('dead-pod');
  if (pod.metadata.namespace !== said.namespace) throw new TokenRefused('dead-pod');
  if (pod.metadata.deletionTimestamp !== undefined) throw new TokenRefused('dead-pod');
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') throw new TokenRefused('dead-pod');
  return token;
}
