import { isDeepStrictEqual } from 'node:util';
import type { PublicKeySet } from './jwks.ts';
import { publicKeySetOf, type SigningKey } from './keys.ts';

export interface RotationPolicy {
  /** How long a key signs before the next takes over, in ms. */
  rotateEveryMs: number;
  /** How long a key is published before it signs: longer than any verifier takes to hear of it, in ms. */
  publishLeadMs: number;
  /** The longest life of a token, in ms: for so long after it stopped signing a key stays published. */
  longestTokenMs: number;
}

export const DEFAULT_ROTATION: RotationPolicy = {
  rotateEveryMs: 720 * 3_600_000,
  publishLeadMs: 5 * 60_000,
  // The longest ttl or startupTimeout that may be asked for, the reap interval, and a little for clocks that differ.
  longestTokenMs: 24 * 3_600_000 + 120_000,
};

/** The state of the keys as read from the cluster. */
export interface ObservedKeys {
  /** What the Secret holds. */
  keys: readonly SigningKey[];
  /** What the ConfigMap holds; undefined when it is absent or can't be read. */
  published: PublicKeySet | undefined;
  /** A rotation asked for by hand, when it was. */
  rotateRequestedAt?: Date | undefined;
}

/**
 * The one next thing to do with the keys. Each is a single write, after which the plan is made anew from what is
 * then there: a crash between any two leaves a state that the plan knows how to go on from.
 */
export type KeyAction =
  /** Add a fresh key to the Secret (makeSigningKey). */
  | { do: 'make'; reason: 'NoKeys' | 'Scheduled' | 'Requested' }
  /** Write this set to the ConfigMap. */
  | { do: 'publish'; set: PublicKeySet }
  /** Write `publishedAt: now` to these keys of the Secret. */
  | { do: 'mark-published'; kids: string[] }
  /** Take these keys out of the Secret; the next plan takes them out of the ConfigMap. */
  | { do: 'drop'; kids: string[] }
  | { do: 'nothing'; againMs: number };

/**
 * The key that signs at this moment, undefined while none is published. The newest that has been published for long
 * enough, so that no verifier meets a kid it hasn't heard of; the oldest of all if none has, which is the very first
 * key of an installation, before which no token was ever signed.
 */
export function keyThatSigns(
  keys: readonly SigningKey[],
  now: Date,
  policy: Pick<RotationPolicy, 'publishLeadMs'>,
): SigningKey | undefined {
  const published = inOrder(keys).filter((key) => key.publishedAt !== undefined);
  return published.findLast((key) => signsFrom(key, policy) <= now.getTime()) ?? published[0];
}

/** Decides the next step; pure. `againMs` of the resting state is when time alone brings the next change. */
export function planKeys(observed: ObservedKeys, now: Date, policy: RotationPolicy): KeyAction {
  const keys = inOrder(observed.keys);
  const newest = keys.at(-1);
  if (newest === undefined) return { do: 'make', reason: 'NoKeys' };

  const wanted = publicKeySetOf(keys);
  if (!isDeepStrictEqual(observed.published, wanted)) return { do: 'publish', set: wanted };

  const unmarked = keys.filter((key) => key.publishedAt === undefined);
  if (unmarked.length > 0) return { do: 'mark-published', kids: unmarked.map((key) => key.jwk.kid) };

  const spent = keys.filter((key) => spentAt(key, keys, policy) <= now.getTime());
  if (spent.length > 0) return { do: 'drop', kids: spent.map((key) => key.jwk.kid) };

  const created = Date.parse(newest.createdAt);
  if (observed.rotateRequestedAt !== undefined && observed.rotateRequestedAt.getTime() > created) {
    return { do: 'make', reason: 'Requested' };
  }
  // Early by the lead, so that the next key is ripe when this one has signed for its time.
  const due = signsFrom(newest, policy) + policy.rotateEveryMs - policy.publishLeadMs;
  if (due <= now.getTime()) return { do: 'make', reason: 'Scheduled' };

  const ends = keys.map((key) => spentAt(key, keys, policy));
  return { do: 'nothing', againMs: Math.min(due, ...ends) - now.getTime() };
}

function signsFrom(key: SigningKey, policy: Pick<RotationPolicy, 'publishLeadMs'>): number {
  return key.publishedAt === undefined
    ? Number.POSITIVE_INFINITY
    : Date.parse(key.publishedAt) + policy.publishLeadMs;
}

/** When the last token that the key may have signed has expired: its life after the next key took over. */
function spentAt(key: SigningKey, ordered: readonly SigningKey[], policy: RotationPolicy): number {
  const next = ordered[ordered.indexOf(key) + 1];
  return next === undefined ? Number.POSITIVE_INFINITY : signsFrom(next, policy) + policy.longestTokenMs;
}

/** Oldest first. By kid where the times are equal, so that every reader has the same order. */
function inOrder(keys: readonly SigningKey[]): SigningKey[] {
  return [...keys].sort(
    (a, b) => a.createdAt.localeCompare(b.createdAt) || a.jwk.kid.localeCompare(b.jwk.kid),
  );
}
