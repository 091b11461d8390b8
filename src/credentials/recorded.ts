import type { Recorded } from '../resources/supplied.ts';

/** What is recorded where nobody supplied a credential: the pool speaks for itself, and may do all it may. */
export function poolIdentity(pool: { namespace: string; name: string }): Recorded {
  return { subject: `pool:${pool.namespace}/${pool.name}`, scopes: ['all'] };
}

/** Scopes are a set: sorted by code unit, so that every process writes the same text, and each once. */
export function recordedOf(subject: string | undefined, scopes: readonly string[] | undefined): Recorded {
  return {
    ...(subject === undefined ? {} : { subject }),
    ...(scopes === undefined ? {} : { scopes: [...new Set(scopes)].sort() }),
  };
}

/**
 * Whether a runner made for one credential may be given the other: by whom they speak for and what they may do alone,
 * never by their values. What is absent in both is equal; unknown scopes are not the same as none.
 */
export function sameRecorded(one: Recorded, other: Recorded): boolean {
  if (one.subject !== other.subject) return false;
  if (one.scopes === undefined || other.scopes === undefined) return one.scopes === other.scopes;
  const [left, right] = [new Set(one.scopes), new Set(other.scopes)];
  return left.size === right.size && [...left].every((scope) => right.has(scope));
}
