import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { createInformer } from '../../src/kube/informer.ts';
import { ConfigMapKind } from '../../src/kube/kinds.ts';
import { createLoop, type Loop, source } from '../../src/kube/run.ts';
import type { ReconcileResult } from '../../src/kube/types.ts';
import { breakingServer } from './breaking_server.ts';
import { eventually } from './eventually.ts';
import { configMap } from './objects.ts';

const log = pino({ level: 'silent' });
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function loopOf(reconcile: (key: string) => Promise<ReconcileResult>, concurrency = 2) {
  const server = await breakingServer();
  const client = createKubeClient({ kubeConfig: server.kubeConfig() });
  const informer = createInformer({ client, kind: ConfigMapKind, namespaces: ['ns'], log });
  const registry = new Registry();
  const owner = source(informer, (object) => [object.data?.owner ?? object.metadata.name]);
  const loop: Loop = createLoop({ name: 'test', sources: [owner], reconcile, concurrency, log, registry });
  cleanUp.push(
    () => server.close(),
    () => client.close(),
    () => informer.stop(),
    () => loop.stop(),
  );
  const connected = () => eventually(() => expect(informer.connected).toBe(true));
  return { server, loop, registry, connected };
}

describe('loop', () => {
  it('begins only when the informers are synced, with what they listed', async () => {
    const done: string[] = [];
    const { server, loop } = await loopOf(async (key) => {
      done.push(key);
      return {};
    });
    server.cluster.items = [configMap('a', 'u1', 1), configMap('b', 'u2', 2)];
    loop.add('asked-early');
    expect(done).toEqual([]);
    await loop.start();
    await eventually(() => expect([...done].sort()).toEqual(['a', 'asked-early', 'b']));
  });

  it('reconciles the former owner of an object too', async () => {
    const done: string[] = [];
    const { server, loop, connected } = await loopOf(async (key) => {
      done.push(key);
      return {};
    });
    server.cluster.items = [configMap('a', 'u1', 1, { data: { owner: 'one' } })];
    await loop.start();
    await connected();
    await eventually(() => expect(done).toEqual(['one']));
    server.event('MODIFIED', configMap('a', 'u1', 2, { data: { owner: 'two' } }));
    await eventually(() => expect([...done].sort()).toEqual(['one', 'one', 'two']));
  });

  it('tries again what throws, until it succeeds, and counts it', async () => {
    let left = 3;
    const { loop, registry } = await loopOf(async () => {
      if (left-- > 0) throw new Error('not yet');
      return {};
    });
    await loop.start();
    loop.add('x');
    await eventually(() => expect(left).toBe(-1));
    const text = await registry.metrics();
    expect(text).toContain('harrier_reconcile_errors_total{loop="test"} 3');
    expect(text).toContain('harrier_reconcile_duration_seconds_count{loop="test",result="done"} 1');
    expect(text).toContain('harrier_work_queue_depth{loop="test"} 0');
  });

  it('looks again when the reconcile asks for it', async () => {
    const times: number[] = [];
    const { loop } = await loopOf(async () => {
      times.push(performance.now());
      return times.length < 3 ? { againAfterMs: 30 } : {};
    });
    await loop.start();
    loop.add('x');
    await eventually(() => expect(times).toHaveLength(3));
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(58);
  });

  it('works on as many keys at once as it may, never twice on one', async () => {
    let now = 0;
    let most = 0;
    const keys = new Set<string>();
    let twice = false;
    const { loop } = await loopOf(async (key) => {
      twice ||= keys.has(key);
      keys.add(key);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      keys.delete(key);
      return {};
    }, 4);
    await loop.start();
    for (let i = 0; i < 40; i++) loop.add(`k${i % 10}`);
    await eventually(() => expect(most).toBe(4));
    expect(twice).toBe(false);
  });

  it('on stop waits for the reconcile under way and starts no other', async () => {
    const done: string[] = [];
    const { loop } = await loopOf(async (key) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      done.push(key);
      return { againAfterMs: 1 };
    }, 1);
    await loop.start();
    loop.add('first');
    loop.add('second');
    await new Promise((resolve) => setTimeout(resolve, 10));
    await loop.stop();
    expect(done).toEqual(['first']);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(done).toEqual(['first']);
  });
});
