import fc from 'fast-check';
import type { ConfigMap } from '../../src/kube/kinds.ts';
import type { FedStore } from '../../src/kube/store.ts';
import { configMap } from './objects.ts';

/** A write to one of three names; the answer to an own one is seen `lag - 3` events after its own event. */
export const write = fc.record({ name: fc.nat(2), deletes: fc.boolean(), own: fc.boolean(), lag: fc.nat(6) });
type Write = typeof write extends fc.Arbitrary<infer W> ? W : never;

/** What such writes make of a namespace: each has the next version; a name that was deleted returns with another UID. */
export function history(writes: readonly Write[]) {
  const alive = new Map<string, ConfigMap>();
  const events: { type: 'set' | 'delete'; object: ConfigMap }[] = [];
  const snapshots: ConfigMap[][] = [];
  const answers: { at: number; object: ConfigMap }[] = [];
  for (const [at, one] of writes.entries()) {
    const name = `n${one.name}`;
    const before = alive.get(name);
    const version = at + 1;
    const object = configMap(name, before?.metadata.uid ?? `u${version}`, version);
    const deletes = one.deletes && before !== undefined;
    if (deletes) alive.delete(name);
    else alive.set(name, object);
    events.push({ type: deletes ? 'delete' : 'set', object });
    if (one.own && !deletes) answers.push({ at: Math.max(0, at - 3 + one.lag), object });
    snapshots.push([...alive.values()]);
  }
  return {
    /** What a list shows after each event. */
    snapshots,
    /** Events, and the time until the last answer is there. */
    length: writes.length + 3,
    /** Gives the store all that arrives at that time: answers, then the event, then a list if one is asked for. */
    feed(store: FedStore<ConfigMap>, at: number, lists: boolean): void {
      for (const answer of answers) if (answer.at === at) store.absorb(answer.object);
      const event = events[at];
      if (event !== undefined) store[event.type](event.object);
      const items = snapshots[at];
      if (!lists || items === undefined) return;
      store.replace('ns', { items, malformed: [], resourceVersion: String(at + 1) }, store.beforeList());
    },
    /** UIDs whose deletion has been watched by then. */
    endedBy: (at: number) =>
      events.slice(0, at + 1).flatMap(({ type, object }) => (type === 'delete' ? [object.metadata.uid] : [])),
  };
}
