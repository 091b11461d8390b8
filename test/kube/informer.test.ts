import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../src/kube/client.ts';
import { createInformer } from '../../src/kube/informer.ts';
import { type ConfigMap, ConfigMapKind } from '../../src/kube/kinds.ts';
import type { Informer, InformerTimes, KubeClient } from '../../src/kube/types.ts';
import { type Answer, breakingServer, cut, json } from './breaking_server.ts';
import { eventually } from './eventually.ts';
import { configMap } from './objects.ts';

const log = pino({ level: 'silent' });
const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };

let server: Awaited<ReturnType<typeof breakingServer>>;
let client: KubeClient;
let informer: Informer<ConfigMap>;
let changes: string[];
let registry: Registry;

function informerWith(times: Partial<InformerTimes> = {}, namespaces = ['ns']): void {
  registry = new Registry();
  changes = [];
  informer = createInformer({
    client,
    kind: ConfigMapKind,
    namespaces,
    log,
    registry,
    times: { backoffMs: { least: 5, most: 40 }, ...times },
  });
  informer.onChange(({ type, object }) =>
    changes.push(`${type} ${object.metadata.uid}@${object.metadata.resourceVersion}`),
  );
}

const failures = async (kind: string) => {
  const found = await registry.getSingleMetric('harrier_informer_failures_total')?.get();
  return found?.values.find((one) => one.labels.kind === kind)?.value ?? 0;
};
const connected = () => eventually(() => expect(informer.connected).toBe(true));
const told = (...expected: string[]) => eventually(() => expect(changes).toEqual(expected));

/** Sends a bookmark each 50 ms for a second; answers the longest time without one, in ms. */
async function longestPauseOfBeats(): Promise<number> {
  let last = performance.now();
  const until = last + 1_000;
  let longest = 0;
  while (last < until) {
    server.event('BOOKMARK', { metadata: { resourceVersion: '6' } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
}

beforeEach(async () => {
  server = await breakingServer();
  client = createKubeClient({ kubeConfig: server.kubeConfig() });
  server.cluster.items = [configMap('a', 'u1', 3)];
  server.cluster.version = 5;
  informerWith();
});

afterEach(async () => {
  await informer.stop();
  await client.close();
  await server.close();
});

describe('informer', () => {
  it('lists, then watches from the list’s version with bookmarks asked for', async () => {
    await informer.start();
    expect([informer.synced, changes]).toEqual([true, ['set u1@3']]);
    await connected();
    server.event('MODIFIED', configMap('a', 'u1', 6));
    server.event('ADDED', configMap('b', 'u2', 7));
    server.event('DELETED', configMap('a', 'u1', 8));
    await told('set u1@3', 'set u1@6', 'set u2@7', 'deleted u1@6');
    const watch = server.seen.requests.find(({ url }) => url.searchParams.has('watch'));
    expect(watch?.url.searchParams.get('resourceVersion')).toBe('5');
    expect(watch?.url.searchParams.get('allowWatchBookmarks')).toBe('true');
  });

  it('is neither synced nor connected before the first list, however often that fails', async () => {
    const answers: Answer[] = [
      json(500, {}),
      cut,
      cut,
      cut,
      cut,
      (response) => response.end('<html>'),
      json(403, {}),
    ];
    server.faults.list.push(...answers);
    const started = informer.start();
    expect([informer.synced, informer.connected]).toEqual([false, false]);
    await started;
    expect([informer.synced, changes]).toEqual([true, ['set u1@3']]);
    expect(server.seen.lists).toBe(answers.length + 1);
  });

  it.each<[string, Answer[]]>([
    ['500', [json(500, { message: 'etcdserver: leader changed' })]],
    ['a refusal', [json(403, { reason: 'Forbidden' })]],
    ['429', [json(429, { reason: 'TooManyRequests' }, { 'retry-after': '1' })]],
    ['a cut connection', [cut, cut, cut]],
    ['ends at once, again and again', [(r) => r.end(), (r) => r.end(), (r) => r.end()]],
  ])('goes on watching from the same version after a watch was answered by %s', async (_name, answers) => {
    server.faults.watch.push(...answers);
    await informer.start();
    // A watch that ends as soon as it opens was connected too.
    await eventually(() => expect(server.watches.size).toBe(1));
    await connected();
    server.event('ADDED', configMap('b', 'u2', 7));
    await told('set u1@3', 'set u2@7');
    expect([server.seen.lists, server.seen.watches]).toEqual([1, answers.length + 1]);
  });

  it.each<[string, () => void]>([
    ['the stream is closed', () => server.watches.forEach((one) => void one.end())],
    ['the stream is cut', () => server.watches.forEach((one) => void one.destroy())],
    [
      'the stream is closed within a line',
      () => server.watches.forEach((one) => void one.end('{"type":"ADDED","object":{"meta')),
    ],
    ['an ERROR event with 500 comes', () => server.event('ERROR', { kind: 'Status', code: 500 })],
  ])('is not connected when %s, and takes up again at the last version seen', async (_name, breakIt) => {
    await informer.start();
    await connected();
    server.event('BOOKMARK', { metadata: { resourceVersion: '20' } });
    server.event('ADDED', configMap('b', 'u2', 21));
    await told('set u1@3', 'set u2@21');
    let open: (() => void) | undefined;
    server.faults.watch.push((response) => {
      open = () => server.openWatch(response);
    });
    breakIt();
    await eventually(() => expect(informer.connected).toBe(false));
    expect(informer.synced).toBe(true);
    await eventually(() => expect(open).toBeDefined());
    expect(informer.connected).toBe(false);
    open?.();
    await connected();
    expect(server.seen.requests.at(-1)?.url.searchParams.get('resourceVersion')).toBe('21');
    expect(server.seen.lists).toBe(1);
    server.event('ADDED', configMap('c', 'u3', 22));
    await told('set u1@3', 'set u2@21', 'set u3@22');
  });

  it.each<[string, (later: () => void) => void]>([
    [
      'a 410 answer',
      (later) => {
        server.faults.watch.push((response, request) => {
          later();
          json(410, gone)(response, request);
        });
        for (const one of server.watches) one.end();
      },
    ],
    [
      'a 410 event',
      (later) => {
        later();
        server.event('ERROR', gone);
      },
    ],
    [
      'a line that is not JSON',
      (later) => {
        later();
        server.write('{"type":"ADDED", oops}\n');
      },
    ],
    [
      'an object without metadata',
      (later) => {
        later();
        server.event('MODIFIED', { kind: 'ConfigMap' });
      },
    ],
  ])('lists anew after %s: a namesake of another UID is deleted and set', async (_name, breakIt) => {
    await informer.start();
    await connected();
    breakIt(() => {
      server.cluster.items = [configMap('a', 'u9', 31), configMap('b', 'u2', 30)];
      server.cluster.version = 40;
    });
    await eventually(() => expect(server.seen.lists).toBe(2));
    await connected();
    expect([...changes].sort()).toEqual(['deleted u1@3', 'set u1@3', 'set u2@30', 'set u9@31']);
    expect(changes.indexOf('deleted u1@3')).toBeLessThan(changes.indexOf('set u9@31'));
    expect(server.seen.requests.at(-1)?.url.searchParams.get('resourceVersion')).toBe('40');
    const counted = (await failures('gone')) + (await failures('malformed'));
    expect(counted).toBe(1);
  });

  it('leaves out an object that does not parse, counts it, and goes on with the others', async () => {
    const unreadable = { ...configMap('bad', 'u5', 9), data: { key: 5 } };
    server.cluster.items.push(unreadable as unknown as ConfigMap);
    await informer.start();
    await connected();
    expect([changes, await failures('malformedObject')]).toEqual([['set u1@3'], 1]);
    server.event('MODIFIED', { ...configMap('a', 'u1', 10), data: { key: 5 } });
    server.event('ADDED', configMap('b', 'u2', 11));
    await told('set u1@3', 'deleted u1@3', 'set u2@11');
    expect([server.seen.lists, await failures('malformedObject')]).toEqual([1, 2]);
    server.event('MODIFIED', configMap('a', 'u1', 12));
    await told('set u1@3', 'deleted u1@3', 'set u2@11', 'set u1@12');
  });

  it('reads lines that come in pieces, cut within a character too', async () => {
    await informer.start();
    await connected();
    const line = Buffer.from(
      `${JSON.stringify({ type: 'ADDED', object: configMap('b', 'u2', 7, { data: { city: 'Zürich 🏔' } }) })}\n`,
    );
    for (const byte of line) {
      server.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await told('set u1@3', 'set u2@7');
    expect(informer.store.get('ns', 'b')?.data?.city).toBe('Zürich 🏔');
  });

  it('takes a watch of which nothing is heard for broken', async () => {
    informerWith({ silenceMs: 600 });
    await informer.start();
    await connected();
    // To the informer it is silence too when this very process stands still. So it is watched for a second in which
    // that did not happen, after another one: by then whatever was to come of an earlier silence has come.
    let watches: number;
    let longest: number;
    do {
      longest = await longestPauseOfBeats();
      await connected();
      watches = server.seen.watches;
      longest = Math.max(longest, await longestPauseOfBeats());
    } while (longest > 300);
    expect([informer.connected, server.seen.watches]).toEqual([true, watches]);
    await eventually(() => expect(server.seen.watches).toBe(watches + 1));
    await connected();
  });

  it('gives up on a watch whose answer never comes', async () => {
    // More than this process may stand still while the second watch is answered.
    informerWith({ silenceMs: 2_000 });
    server.faults.watch.push(() => undefined);
    await informer.start();
    expect(informer.connected).toBe(false);
    await connected();
    expect(server.seen.watches).toBe(2);
  });

  it('lists anew from time to time beside the watch, and finds what that never told', async () => {
    informerWith({ resyncMs: 40 });
    await informer.start();
    await connected();
    server.cluster.items = [configMap('z', 'u7', 50)];
    server.cluster.version = 51;
    await told('set u1@3', 'deleted u1@3', 'set u7@50');
    expect([informer.connected, server.seen.watches]).toEqual([true, 1]);
  });

  it('hands changes to all listeners though one throws', async () => {
    const others: string[] = [];
    informer.onChange(() => {
      throw new Error('mine');
    });
    informer.onChange(({ object }) => others.push(object.metadata.uid));
    await informer.start();
    await connected();
    server.event('ADDED', configMap('b', 'u2', 7));
    await eventually(() => expect(others).toEqual(['u1', 'u2']));
  });

  it('is synced and connected only with every namespace', async () => {
    informerWith({}, ['ns', 'other']);
    let release: (() => void) | undefined;
    server.faults.list.push(
      json(200, { metadata: { resourceVersion: '5' }, items: [] }),
      (response, request) => {
        release = () => json(200, { metadata: { resourceVersion: '5' }, items: [] })(response, request);
      },
    );
    const started = informer.start();
    await eventually(() => expect(server.watches.size).toBe(1));
    expect([informer.synced, informer.connected]).toEqual([false, false]);
    release?.();
    await started;
    await connected();
  });

  it('asks no more once stopped', async () => {
    await informer.start();
    await connected();
    await informer.stop();
    const asked = server.seen.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect([server.seen.requests.length, informer.connected]).toEqual([asked, false]);
  });

  it('pages through a long list, and takes it whole when its snapshot is gone', async () => {
    const page = (name: string, next: string) =>
      json(200, {
        metadata: { resourceVersion: '5', continue: next },
        items: [configMap(name, `u-${name}`, 1)],
      });
    server.faults.list.push(page('p1', 'more'), page('p2', ''));
    const list = await client.list(ConfigMapKind, 'ns');
    expect(list.items.map((one) => one.metadata.name)).toEqual(['p1', 'p2']);
    expect(server.seen.requests.map(({ url }) => url.search)).toEqual([
      '?limit=500',
      '?limit=500&continue=more',
    ]);
    server.faults.list.push(page('p1', 'more'), json(410, gone));
    expect((await client.list(ConfigMapKind, 'ns')).items.map((one) => one.metadata.name)).toEqual(['a']);
    expect(server.seen.requests.at(-1)?.url.search).toBe('');
  });
});
