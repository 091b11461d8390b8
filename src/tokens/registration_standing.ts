import type { RunnerToken } from '../resources/runner_token.ts';

/** How many registrations the token is good for in all. */
export function mostUses({ spec }: RunnerToken): number {
  return spec.usage === 'OneTime' ? 1 : (spec.maxUses ?? Number.POSITIVE_INFINITY);
}

/** How many more it is good for; 0 when it is used up. */
export function usesLeft(token: RunnerToken): number {
  return Math.max(0, mostUses(token) - (token.status?.uses ?? 0));
}

export function hasExpired({ spec }: RunnerToken, now: Date): boolean {
  return spec.expiresAt !== undefined && Date.parse(spec.expiresAt) <= now.getTime();
}

/** Whether it is its owner's will that descendants live: neither disabled nor being deleted. */
export function isEnabled({ metadata, spec }: RunnerToken): boolean {
  return spec.type === 'Registration' && spec.active !== false && metadata.deletionTimestamp === undefined;
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
