import type { Lease } from './kinds.ts';
import type { Manifest } from './types.ts';

/** Milliseconds. `renewDeadlineMs` must be well under `durationMs`, for the old leader to stop before a new one starts. */
export interface LeaseTimes {
  /** How long others leave an unchanged lease alone. */
  durationMs: number;
  /** A leader that has not renewed for so long no longer takes itself for one. */
  renewDeadlineMs: number;
  retryMs: number;
}

/**
 * The lease as last seen, and when this process first saw it so. Only that moment counts: the times written into it
 * come from another machine's clock.
 */
export interface Observation {
  lease: Lease | undefined;
  changedAt: number;
}

export function observe(before: Observation | undefined, lease: Lease | undefined, now: number): Observation {
  const same =
    before !== undefined &&
    before.lease?.metadata.uid === lease?.metadata.uid &&
    before.lease?.metadata.resourceVersion === lease?.metadata.resourceVersion;
  return same ? { lease, changedAt: before.changedAt } : { lease, changedAt: now };
}

interface Candidate {
  namespace: string;
  name: string;
  identity: string;
  times: LeaseTimes;
  now: number;
  date: Date;
}

/** What to write to hold the lease, or undefined while it is another's. */
export function claimFor(
  seen: Observation,
  candidate: Candidate,
): { create: boolean; manifest: Manifest } | undefined {
  const { lease, changedAt } = seen;
  const { identity, times, now } = candidate;
  if (lease === undefined) return { create: true, manifest: claim(candidate, undefined) };
  const holder = lease.spec?.holderIdentity ?? '';
  // Another release may be configured to longer leases: its own word counts if it is the longer one.
  const duration = Math.max(times.durationMs, (lease.spec?.leaseDurationSeconds ?? 0) * 1000);
  if (holder !== '' && holder !== identity && now - changedAt < duration) return undefined;
  return { create: false, manifest: claim(candidate, lease) };
}

function claim({ namespace, name, identity, times, date }: Candidate, lease: Lease | undefined): Manifest {
  const spec = lease?.spec;
  const stays = spec?.holderIdentity === identity;
  return {
    ...frame(lease ?? { metadata: { namespace, name } }),
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(times.durationMs / 1000),
      acquireTime: stays ? (spec?.acquireTime ?? microTime(date)) : microTime(date),
      renewTime: microTime(date),
      leaseTransitions: (spec?.leaseTransitions ?? 0) + (stays || lease === undefined ? 0 : 1),
    },
  };
}

/** The lease given up: nobody holds it, so whoever looks next may take it. */
export function released(lease: Lease, date: Date): Manifest {
  return {
    ...frame(lease),
    spec: {
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: microTime(date),
      renewTime: microTime(date),
      leaseTransitions: lease.spec?.leaseTransitions ?? 0,
    },
  };
}

/** The metadata goes back as it came, so that a replace removes nobody's labels, and with its resourceVersion. */
function frame(lease: { metadata: Manifest['metadata'] }) {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: lease.metadata };
}

/** metav1.MicroTime takes exactly six digits after the point. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
