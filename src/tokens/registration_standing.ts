import type { RunnerToken } from '../resources/runner_token.ts';

/** How many registrations the token is good for in all. */
export function mostUses({ spec }: Pick<RunnerToken, 'spec'>): number {
  return spec.usage === 'OneTime' ? 1 : (spec.maxUses ?? Number.POSITIVE_INFINITY);
}

/** How many more it is good for; 0 when it is used up. */
export function usesLeft(token: Pick<RunnerToken, 'spec' | 'status'>): number {
  return Math.max(0, mostUses(token) - (token.status?.uses ?? 0));
}

export function hasExpired({ spec }: Pick<RunnerToken, 'spec'>, now: Date): boolean {
  return spec.expiresAt !== undefined && Date.parse(spec.expiresAt) <= now.getTime();
}

/** Whether it is its owner's will that descendants live: neither disabled nor being deleted. */
export function isEnabled({ metadata, spec }: RunnerToken): boolean {
  return spec.type === 'Registration' && spec.active !== false && metadata.deletionTimestamp === undefined;
}

/** Whether it is a Registration token for the pool of this name. */
export function isRegistrationFor(
  token: RunnerToken | undefined,
  pool: { namespace: string; name: string },
): token is RunnerToken {
  return (
    token?.spec.type === 'Registration' &&
    token.metadata.namespace === pool.namespace &&
    token.spec.poolRef.name === pool.name
  );
}

/**
 * Whether a Registration token still stands behind those who joined by it. Being used up or expired ends no descendant;
 * being disabled, superseded or deleted does, in the moment that the change is seen.
 */
export function upholds(parent: RunnerToken | undefined, uid: string): boolean {
  return (
    parent !== undefined &&
    parent.metadata.uid === uid &&
    isEnabled(parent) &&
    parent.status?.phase !== 'Inactive'
  );
}
