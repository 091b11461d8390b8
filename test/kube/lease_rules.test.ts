import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/kube/kinds.ts';
import { claimFor, observe, released } from '../../src/kube/lease_rules.ts';
import { configMap } from './objects.ts';

const times = { durationMs: 8_000, renewDeadlineMs: 5_000, retryMs: 1_000 };
const date = new Date('2026-01-01T12:00:00.5Z');
const lease = (holderIdentity: string, leaseDurationSeconds = 8, version = 1): Lease => ({
  metadata: { ...configMap('leader', 'u1', version).metadata, labels: { kept: 'yes' } },
  spec: {
    holderIdentity,
    leaseDurationSeconds,
    leaseTransitions: 3,
    acquireTime: '2026-01-01T11:00:00.000000Z',
    // Far in the future by the holder's clock: of no weight.
    renewTime: '2030-01-01T00:00:00.000000Z',
  },
});
const claim = (held: Lease | undefined, now: number) =>
  claimFor(
    { lease: held, changedAt: 0 },
    { namespace: 'ns', name: 'leader', identity: 'me', times, now, date },
  );

describe('lease rules', () => {
  it.each<[string, Lease | undefined, number, boolean]>([
    ['there is none', undefined, 0, true],
    ['nobody holds it', lease('', 1), 0, true],
    ['it is mine', lease('me'), 0, true],
    ['another’s was seen to change just now', lease('other'), 0, false],
    ['another’s has stood still for less than its duration', lease('other'), 7_999, false],
    ['another’s has stood still for its duration', lease('other'), 8_000, true],
    ['another’s own duration is longer', lease('other', 60), 59_999, false],
    ['another’s own longer duration is over', lease('other', 60), 60_000, true],
  ])('when %s (%#)', (_name, held, now, may) => {
    expect(claim(held, now) !== undefined).toBe(may);
  });

  it('counts a change of holder, keeps the time of taking while it stays', () => {
    expect(claim(lease('other'), 9_000)?.manifest).toMatchObject({
      metadata: { resourceVersion: '1', labels: { kept: 'yes' } },
      spec: { holderIdentity: 'me', leaseTransitions: 4, acquireTime: '2026-01-01T12:00:00.500000Z' },
    });
    expect(claim(lease('me'), 0)?.manifest).toMatchObject({
      spec: { leaseTransitions: 3, acquireTime: '2026-01-01T11:00:00.000000Z' },
    });
    expect(claim(undefined, 0)).toMatchObject({ create: true, manifest: { spec: { leaseTransitions: 0 } } });
  });

  it('counts time from when the lease was first seen so, by the own clock', () => {
    const first = observe(undefined, lease('other'), 100);
    expect(observe(first, lease('other'), 900).changedAt).toBe(100);
    expect(observe(first, lease('other', 8, 2), 900).changedAt).toBe(900);
    expect(observe(first, undefined, 900).changedAt).toBe(900);
  });

  it('is free at once when released', () => {
    const free = released(lease('me'), date);
    expect(free).toMatchObject({ metadata: { resourceVersion: '1' }, spec: { holderIdentity: '' } });
    expect(claim({ ...lease('x'), ...(free as object) } as Lease, 0)).toBeDefined();
  });
});
