import type { ObservedInterception, SeenAuthority, SeenServed } from './observed.ts';
import type { InterceptionPolicy } from './policy.ts';

/** One write each, in this order of a life; whatever a crash leaves, the next plan goes on from. */
export type InterceptionAction =
  | { do: 'make-authority' }
  /** Writes what the pods mount: a leaf by `issuer`, fresh or as it is, and the roots. */
  | { do: 'serve'; issuer: string; trusted: string[]; fresh: boolean }
  /** Notes that the pods have these among their roots from now on. */
  | { do: 'mark-published'; ids: string[] }
  | { do: 'drop-authorities'; ids: string[] }
  | { do: 'remove' }
  /** `ready`: new pods find their Secret as it has to be. */
  | { do: 'nothing'; ready: boolean; againMs?: number | undefined };

/** While pods that were made with it live, so often is looked whether they still do, in ms. */
const IN_USE_MS = 15_000;

/**
 * The next step for a pool's interception; pure. A new authority is trusted for the overlap before it signs, and one
 * is trusted until it has expired, so that what a pod has read some time ago still knows every leaf.
 */
export function planInterception(
  { host, inUse, authorities, served }: ObservedInterception,
  now: Date,
  policy: InterceptionPolicy,
): InterceptionAction {
  if (host === undefined) {
    if (authorities === undefined && served === undefined) return { do: 'nothing', ready: false };
    return inUse ? { do: 'nothing', ready: false, againMs: IN_USE_MS } : { do: 'remove' };
  }
  const all = authorities ?? [];
  const live = all.filter((one) => one.host === host && leftMs(one, now) > 0);
  if (!live.some((one) => leftMs(one, now) > policy.authorityRenewMs)) return { do: 'make-authority' };

  const signer = signerOf(live, now, policy);
  const trusted = live.map(({ id }) => id);
  const fresh = leafIsDue(served, signer, now, policy);
  if (fresh || served?.rootsCurrent !== true || !sameIds(served.trusted, trusted))
    return { do: 'serve', issuer: signer.id, trusted, fresh };

  const unmarked = live.filter((one) => one.publishedAt === undefined).map(({ id }) => id);
  if (unmarked.length > 0) return { do: 'mark-published', ids: unmarked };
  const dead = all.filter((one) => !live.includes(one)).map(({ id }) => id);
  if (dead.length > 0) return { do: 'drop-authorities', ids: dead };
  return { do: 'nothing', ready: true, againMs: againMs(live, signer, served, now, policy) };
}

/** The newest that was trusted for long enough; the oldest where none was: it was trusted the longest. */
function signerOf(live: readonly SeenAuthority[], now: Date, policy: InterceptionPolicy): SeenAuthority {
  const byAge = live.toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
  const settled = byAge.findLast((one) => settlesInMs(one, now, policy) <= 0);
  return settled ?? (byAge[0] as SeenAuthority);
}

/** A leaf of an authority that has not long to live ends with it, and can't be renewed before. */
function leafIsDue(
  served: SeenServed | undefined,
  signer: SeenAuthority,
  now: Date,
  policy: InterceptionPolicy,
): boolean {
  const leaf = served?.leaf;
  if (leaf === undefined || leaf.issuer !== signer.id) return true;
  return leftMs(leaf, now) <= policy.leafRenewMs && leaf.notAfter < signer.notAfter;
}

function againMs(
  live: readonly SeenAuthority[],
  signer: SeenAuthority,
  { leaf }: SeenServed,
  now: Date,
  policy: InterceptionPolicy,
): number {
  const newest = Math.max(...live.map((one) => leftMs(one, now)));
  const times = [
    newest - policy.authorityRenewMs,
    ...live.map((one) => leftMs(one, now)),
    ...live.filter((one) => one.notAfter > signer.notAfter).map((one) => settlesInMs(one, now, policy)),
    ...(leaf === undefined ? [] : [leftMs(leaf, now) - policy.leafRenewMs]),
  ];
  return Math.min(...times.filter((ms) => ms > 0));
}

function settlesInMs({ publishedAt }: SeenAuthority, now: Date, { overlapMs }: InterceptionPolicy): number {
  return publishedAt === undefined ? overlapMs : publishedAt.getTime() + overlapMs - now.getTime();
}

function leftMs({ notAfter }: { notAfter: Date }, now: Date): number {
  return notAfter.getTime() - now.getTime();
}

function sameIds(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id) => other.includes(id));
}
