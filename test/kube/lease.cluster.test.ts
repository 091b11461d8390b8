import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { LeaseKind } from '../../src/kube/kinds.ts';
import { createLeaderLease, type LeaderLease } from '../../src/kube/lease.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { useCluster } from '../support/cluster.ts';
import { relayTo } from './relay.ts';

const cluster = useCluster();
const log = pino({ level: 'silent' });
const cleanUp: (() => Promise<unknown>)[] = [];
let name: string;
let tests = 0;

beforeEach(() => {
  name = `leader-${tests++}`;
});

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** A candidate with a connection of its own, which can be cut. */
async function candidate(identity: string) {
  const relay = await relayTo(cluster.kubeconfig);
  const client: KubeClient = createKubeClient({ kubeConfig: relay.kubeConfig, log });
  const onLost = vi.fn();
  const { namespace } = cluster;
  const lease: LeaderLease = createLeaderLease({ client, namespace, name, identity, onLost, log });
  cleanUp.push(
    () => relay.close(),
    () => client.close(),
    () => lease.release(),
  );
  return { relay, client, lease, onLost };
}

const held = (one: { lease: LeaderLease }) => one.lease.held();
const until = (check: () => void, timeout: number) => vi.waitFor(check, { timeout, interval: 10 });

describe('leader lease on a real apiserver', () => {
  it('lets one of five win', async () => {
    const all = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(candidate));
    for (const one of all) void one.lease.acquire();
    await Promise.race(all.map((one) => one.lease.acquire()));
    for (let i = 0; i < 30; i++) {
      expect(all.filter(held)).toHaveLength(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

  it('passes to a standby within 2 s when released', async () => {
    const [first, second] = [await candidate('a'), await candidate('b')];
    await first.lease.acquire();
    void second.lease.acquire();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const began = performance.now();
    await first.lease.release();
    expect(held(first)).toBe(false);
    await second.lease.acquire();
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(first.onLost).not.toHaveBeenCalled();
    const lease = await second.client.get(LeaseKind, cluster.namespace, name);
    expect(lease?.spec).toMatchObject({ holderIdentity: expect.stringMatching(/^b_/), leaseTransitions: 1 });
  });

  it('passes to the standby within 13 s when the leader is cut off, which knows it first', async () => {
    const [first, second] = [await candidate('a'), await candidate('b')];
    await first.lease.acquire();
    void second.lease.acquire();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const began = performance.now();
    // Neither answers nor resets, as when a node loses its network.
    first.relay.state.deaf = true;
    await until(() => expect(held(first)).toBe(false), 6_000);
    expect(held(second)).toBe(false);
    await until(() => expect(first.onLost).toHaveBeenCalledTimes(1), 1_000);
    await second.lease.acquire();
    expect(performance.now() - began).toBeLessThan(13_000);
  });

  it('is lost when another takes it regardless of the rules', async () => {
    const first = await candidate('a');
    await first.lease.acquire();
    await first.client.mergePatch(LeaseKind, cluster.namespace, name, { spec: { holderIdentity: 'robber' } });
    await until(() => expect(first.onLost).toHaveBeenCalledTimes(1), 4_000);
    expect(held(first)).toBe(false);
  });
});
