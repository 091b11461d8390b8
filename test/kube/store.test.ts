import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/kube/kinds.ts';
import { isLater } from '../../src/kube/resource_version.ts';
import { createStore, type FedStore } from '../../src/kube/store.ts';
import type { ListResult } from '../../src/kube/types.ts';
import { history, write } from './history.ts';
import { configMap } from './objects.ts';

type Step = (store: FedStore<ConfigMap>) => void;

const list = (version: number, ...items: ConfigMap[]): ListResult<ConfigMap> => ({
  items,
  malformed: [],
  resourceVersion: String(version),
});
const a = (version: number, uid = 'u1') => configMap('a', uid, version);
const broken = (uid: string, version: number) => ({
  metadata: { name: 'a', namespace: 'ns', uid, resourceVersion: String(version) },
  problem: 'data: invalid_type',
});
const set =
  (object: ConfigMap): Step =>
  (store) =>
    store.set(object);
const absorb =
  (object: ConfigMap): Step =>
  (store) =>
    store.absorb(object);
const gone =
  (object: ConfigMap): Step =>
  (store) =>
    store.absorbDeleted(object);
const deleted =
  (object: ConfigMap): Step =>
  (store) =>
    store.delete(object);
const relist =
  (version: number, ...items: ConfigMap[]): Step =>
  (store) =>
    store.replace('ns', list(version, ...items), store.beforeList());

function follow(steps: Step[]) {
  const changes: string[] = [];
  const store = createStore<ConfigMap>({}, (change) => {
    const { uid, resourceVersion } = change.object.metadata;
    changes.push(`${change.type} ${uid}@${resourceVersion}`);
  });
  for (const step of steps) step(store);
  return { changes, holds: store.list().map((one) => `${one.metadata.uid}@${one.metadata.resourceVersion}`) };
}

describe('store', () => {
  it.each<[string, Step[], string[], string[]]>([
    ['takes an own write in at once', [set(a(5)), absorb(a(7))], ['set u1@5', 'set u1@7'], ['u1@7']],
    ['does not go back to an older watch event', [absorb(a(7)), set(a(5))], ['set u1@7'], ['u1@7']],
    ['tells an own write once, not again by its event', [absorb(a(7)), set(a(7))], ['set u1@7'], ['u1@7']],
    ['does not go back to an older answer', [set(a(9)), absorb(a(7))], ['set u1@9'], ['u1@9']],
    ['counts versions as numbers', [set(a(9)), set(a(10))], ['set u1@9', 'set u1@10'], ['u1@10']],
    ['takes a deletion', [set(a(5)), deleted(a(8))], ['set u1@5', 'deleted u1@5'], []],
    [
      'does not bring a deleted UID back by a late answer',
      [set(a(5)), deleted(a(8)), absorb(a(7))],
      ['set u1@5', 'deleted u1@5'],
      [],
    ],
    ['does not bring it back when it was never seen alive', [deleted(a(8)), absorb(a(7))], [], []],
    [
      'does not bring back by the watch what is known to be gone',
      [set(a(5)), gone(a(5)), set(a(6))],
      ['set u1@5', 'deleted u1@5'],
      [],
    ],
    ['tells of the end once', [set(a(5)), gone(a(5)), deleted(a(8))], ['set u1@5', 'deleted u1@5'], []],
    [
      'takes back what had only left the label selector',
      [set(a(5)), deleted(a(8)), set(a(9))],
      ['set u1@5', 'deleted u1@5', 'set u1@9'],
      ['u1@9'],
    ],
    [
      'sees a namesake of another UID as deleted and made',
      [set(a(5)), relist(9, a(8, 'u2'))],
      ['set u1@5', 'deleted u1@5', 'set u2@8'],
      ['u2@8'],
    ],
    [
      'ends the namesake when the new one comes first',
      [set(a(5)), absorb(a(8, 'u2'))],
      ['set u1@5', 'deleted u1@5', 'set u2@8'],
      ['u2@8'],
    ],
    [
      'does not let the old namesake push the new one out',
      [absorb(a(8, 'u2')), set(a(5))],
      ['set u2@8'],
      ['u2@8'],
    ],
    ['nor the end of the old one', [absorb(a(8, 'u2')), deleted(a(7))], ['set u2@8'], ['u2@8']],
    ['drops what a list lacks', [set(a(5)), relist(9)], ['set u1@5', 'deleted u1@5'], []],
    ['keeps what was written after the list was taken', [absorb(a(9)), relist(8)], ['set u1@9'], ['u1@9']],
    ['keeps what is newer than in the list', [absorb(a(9)), relist(8, a(5))], ['set u1@9'], ['u1@9']],
    [
      'does not resurrect what a list lacked by a late answer',
      [set(a(5)), relist(9), absorb(a(7))],
      ['set u1@5', 'deleted u1@5'],
      [],
    ],
    [
      'believes a later list that the object lives',
      [set(a(5)), gone(a(5)), relist(9, a(6))],
      ['set u1@5', 'deleted u1@5', 'set u1@6'],
      ['u1@6'],
    ],
    [
      'leaves out what can no longer be read',
      [set(a(5)), (s) => s.leaveOut(broken('u1', 6), false)],
      ['set u1@5', 'deleted u1@5'],
      [],
    ],
    [
      'takes it again once it can',
      [set(a(5)), (s) => s.leaveOut(broken('u1', 6), false), set(a(7))],
      ['set u1@5', 'deleted u1@5', 'set u1@7'],
      ['u1@7'],
    ],
    [
      'keeps what is newer than the unreadable',
      [set(a(7)), (s) => s.leaveOut(broken('u1', 6), false)],
      ['set u1@7'],
      ['u1@7'],
    ],
    [
      'ends the unreadable that was deleted',
      [set(a(5)), (s) => s.leaveOut(broken('u1', 6), true), absorb(a(6))],
      ['set u1@5', 'deleted u1@5'],
      [],
    ],
  ])('%s', (_name, steps, changes, holds) => {
    expect(follow(steps)).toEqual({ changes, holds });
  });

  it('does not believe a list asked for before the object was known to be gone', () => {
    const store = createStore<ConfigMap>({}, () => undefined);
    store.set(a(5));
    const mark = store.beforeList();
    store.absorbDeleted(a(5));
    store.replace('ns', list(6, a(5)), mark);
    expect(store.list()).toEqual([]);
  });

  it('leaves other namespaces alone when it takes in a list', () => {
    const store = createStore<ConfigMap>({}, () => undefined);
    store.set(configMap('a', 'u1', 5, { namespace: 'one' }));
    store.set(configMap('a', 'u2', 5, { namespace: 'two' }));
    store.replace('one', list(9), store.beforeList());
    expect(store.list().map((one) => one.metadata.uid)).toEqual(['u2']);
    expect(store.get('two', 'a')?.metadata.uid).toBe('u2');
    expect(store.get('one', 'a')).toBeUndefined();
  });

  it('finds by index, and no longer under a former value', () => {
    const store = createStore<ConfigMap>({ color: (one) => one.data?.color }, () => undefined);
    store.set(configMap('a', 'u1', 1, { data: { color: 'red' } }));
    store.set(configMap('b', 'u2', 2, { data: { color: 'red' } }));
    store.set(configMap('c', 'u3', 3));
    expect(store.byIndex('color', 'red').map((one) => one.metadata.name)).toEqual(['a', 'b']);
    store.set(configMap('a', 'u1', 4, { data: { color: 'blue' } }));
    store.absorbDeleted(configMap('b', 'u2', 2));
    expect(store.byIndex('color', 'red')).toEqual([]);
    expect(store.byIndex('color', 'blue').map((one) => one.metadata.uid)).toEqual(['u1']);
    expect(() => store.byIndex('size', '1')).toThrow('no index named size');
  });

  it('ends equal to the cluster whatever the delays between watch, lists and own writes', () => {
    const listAt = fc.array(fc.nat(40), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 40 }), listAt, (writes, lists) => {
        const past = history(writes);
        const seen = new Map<string, string>();
        const store = createStore<ConfigMap>({}, ({ type, object: { metadata } }) => {
          const before = seen.get(metadata.uid);
          if (type === 'deleted') expect(seen.delete(metadata.uid)).toBe(true);
          else {
            expect(before === undefined || isLater(metadata.resourceVersion, before)).toBe(true);
            seen.set(metadata.uid, metadata.resourceVersion);
          }
        });
        for (let at = 0; at <= past.length; at++) {
          past.feed(store, at, lists.includes(at));
          for (const uid of past.endedBy(at)) expect(store.byUid(uid)).toBeUndefined();
        }
        const versions = (objects: readonly ConfigMap[]) =>
          objects.map(({ metadata }) => `${metadata.uid}@${metadata.resourceVersion}`).sort();
        expect(versions(store.list())).toEqual(versions(past.snapshots.at(-1) ?? []));
        expect([...seen].map(([uid, version]) => `${uid}@${version}`).sort()).toEqual(versions(store.list()));
      }),
      { numRuns: 500 },
    );
  });
});

describe('isLater', () => {
  it.each([
    ['10', '9', true],
    ['9', '10', false],
    ['9', '9', false],
    ['123456789012345678901234567890', '123456789012345678901234567889', true],
    ['abc', 'abd', true],
    ['abc', 'abc', false],
  ])('%s after %s: %s', (left, right, later) => {
    expect(isLater(left, right)).toBe(later);
  });
});
