import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../../src/kube/events.ts';
import { type ConfigMap, ConfigMapKind, EventKind } from '../../src/kube/kinds.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { useCluster } from '../support/cluster.ts';
import { eventually } from './eventually.ts';
import { configMapManifest } from './manifests.ts';
import { manualClock } from './manual_clock.ts';
import { relayTo } from './relay.ts';

const cluster = useCluster();
const log = pino({ level: 'silent' });
let relay: Awaited<ReturnType<typeof relayTo>>;
let client: KubeClient;
const time = manualClock(Date.now());

beforeAll(async () => {
  relay = await relayTo(cluster.kubeconfig);
  client = createKubeClient({ kubeConfig: relay.kubeConfig, log });
});
afterAll(async () => {
  await client.close();
  await relay.close();
});

function recorder(): EventRecorder {
  return createEventRecorder({ client, component: 'harrier-test', instance: 'one', log, clock: time.clock });
}
const make = (name: string) => client.create(ConfigMapKind, configMapManifest(cluster.namespace, name));
const eventsOf = async (object: ConfigMap) =>
  (await client.list(EventKind, cluster.namespace)).items
    .filter((one) => (one.involvedObject as { uid?: string }).uid === object.metadata.uid)
    .map(({ type, reason, message, count }) => ({ type, reason, message, count }));

const missing = { type: 'Warning', reason: 'SecretMissing', message: 'no Secret named forge' } as const;

describe('event recorder on a real apiserver', () => {
  it('counts a repeated event up instead of making more', async () => {
    const object = await make('repeats');
    const events = recorder();
    for (let i = 0; i < 50; i++) events.record(ConfigMapKind, object, missing);
    events.record(ConfigMapKind, object, { ...missing, message: 'no Secret named other' });
    await events.flush();
    expect(await eventsOf(object)).toEqual(
      expect.arrayContaining([
        { ...missing, count: 50 },
        { ...missing, message: 'no Secret named other', count: 1 },
      ]),
    );
    expect(await eventsOf(object)).toHaveLength(2);
    expect(await cluster.kubectl('describe', 'configmap', 'repeats')).toMatch(
      /Warning\s+SecretMissing\s+.*\(x50 over .*harrier-test\s+no Secret named forge/,
    );
  });

  it('writes at once, then gathers for ten seconds', async () => {
    const object = await make('gathers');
    const events = recorder();
    events.record(ConfigMapKind, object, missing);
    await eventually(async () => expect(await eventsOf(object)).toEqual([{ ...missing, count: 1 }]));
    // The pause begins with the answer, which comes after the event can be seen.
    await eventually(() => expect(time.timers).toBe(1));
    for (let i = 0; i < 5; i++) events.record(ConfigMapKind, object, missing);
    time.turn(9_999);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await eventsOf(object)).toEqual([{ ...missing, count: 1 }]);
    time.turn(1);
    await eventually(async () => expect(await eventsOf(object)).toEqual([{ ...missing, count: 6 }]));
    await events.flush();
  });

  it('makes a new one where the apiserver has dropped the old', async () => {
    const object = await make('dropped');
    const events = recorder();
    events.record(ConfigMapKind, object, missing);
    await events.flush();
    await cluster.kubectl('delete', 'events', '--all');
    events.record(ConfigMapKind, object, missing);
    await events.flush();
    expect(await eventsOf(object)).toEqual([{ ...missing, count: 1 }]);
  });

  it('throws nothing when the apiserver is away', async () => {
    const object = await make('away');
    const events = recorder();
    const back = relay.leave();
    events.record(ConfigMapKind, object, missing);
    await events.flush();
    back();
    expect(await eventsOf(object)).toEqual([]);
  });
});
