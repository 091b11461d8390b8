import { graves } from './graves.ts';
import { isLater } from './resource_version.ts';
import { indexes } from './store_index.ts';
import type { KubeObject, ListResult, Malformed, Store, StoreChange } from './types.ts';

/** A store with the side that only its informer writes to. */
export interface FedStore<T extends KubeObject> extends Store<T> {
  /** ADDED or MODIFIED of a watch. */
  set(object: T): void;
  /** DELETED of a watch: nothing of this UID comes after it. */
  delete(object: T): void;
  /** The object exists but can't be read: a copy of its past must not be believed any longer. */
  leaveOut(object: Malformed, deleted: boolean): void;
  /** To be called before a list is asked for; hand the result to `replace` with the list. */
  beforeList(): ListMark;
  /** Makes the namespace equal to a list, but for what is known to be newer than the list. */
  replace(namespace: string, list: ListResult<T>, mark: ListMark): void;
}

export type ListMark = { readonly grave: number };

/**
 * The objects by UID. Three sources write: watch events, lists, and the answers to own writes; each may be older than
 * what another has brought, so per UID only a later resourceVersion counts, and a UID that was seen to end stays ended.
 */
export function createStore<T extends KubeObject>(
  indexFunctions: Record<string, (object: T) => string | undefined>,
  onChange: (change: StoreChange<T>) => void,
): FedStore<T> {
  const objects = new Map<string, T>();
  const uidByName = new Map<string, string>();
  const index = indexes(indexFunctions);
  const ended = graves();
  let listed: readonly T[] | undefined;

  function put(object: T): void {
    const { uid, namespace, name } = object.metadata;
    const previous = objects.get(uid);
    if (
      previous !== undefined &&
      !isLater(object.metadata.resourceVersion, previous.metadata.resourceVersion)
    )
      return;
    const key = nameKey(namespace, name);
    const holder = uidByName.get(key);
    if (holder !== undefined && holder !== uid) {
      const namesake = objects.get(holder);
      // Of two objects of one name the one with the later version lives: the other must have been deleted before.
      if (namesake !== undefined) {
        if (isLater(namesake.metadata.resourceVersion, object.metadata.resourceVersion)) {
          ended.bury(uid, 'forever');
          return;
        }
        end(namesake, 'forever');
      }
    }
    objects.set(uid, object);
    uidByName.set(key, uid);
    index.replace(previous, object);
    listed = undefined;
    onChange(previous === undefined ? { type: 'set', object } : { type: 'set', object, previous });
  }

  function drop(object: T): void {
    const { uid, namespace, name } = object.metadata;
    objects.delete(uid);
    if (uidByName.get(nameKey(namespace, name)) === uid) uidByName.delete(nameKey(namespace, name));
    index.replace(object, undefined);
    listed = undefined;
    onChange({ type: 'deleted', object });
  }

  function end(object: T, until: string): void {
    ended.bury(object.metadata.uid, until);
    const held = objects.get(object.metadata.uid);
    if (held !== undefined) drop(held);
  }

  return {
    list: () => {
      listed ??= [...objects.values()];
      return listed;
    },
    get(namespace, name) {
      const uid = uidByName.get(nameKey(namespace, name));
      return uid === undefined ? undefined : objects.get(uid);
    },
    byUid: (uid) => objects.get(uid),
    byIndex: (name, value) => index.find(name, value),

    absorb(object) {
      if (ended.holds(object.metadata.uid, object.metadata.resourceVersion)) return;
      put(object);
    },
    absorbDeleted(object) {
      end(object, 'forever');
    },

    set(object) {
      if (ended.holds(object.metadata.uid, object.metadata.resourceVersion)) return;
      put(object);
    },
    delete(object) {
      // The version of a deletion; what leaves a label selector is "deleted" too, and may come back with a later one.
      end(object, object.metadata.resourceVersion);
    },
    leaveOut({ metadata }, deleted) {
      const held = objects.get(metadata.uid);
      if (deleted) ended.bury(metadata.uid, metadata.resourceVersion);
      if (held !== undefined && !isLater(held.metadata.resourceVersion, metadata.resourceVersion)) drop(held);
    },

    beforeList: () => ({ grave: ended.newest }),
    replace(namespace, list, mark) {
      const there = new Set(list.items.map((one) => one.metadata.uid));
      for (const held of [...objects.values()]) {
        if (held.metadata.namespace !== namespace || there.has(held.metadata.uid)) continue;
        // What was written after the list was taken can't be in it.
        if (isLater(held.metadata.resourceVersion, list.resourceVersion)) continue;
        end(held, list.resourceVersion);
      }
      for (const object of list.items) {
        const { uid, resourceVersion } = object.metadata;
        // A list asked for after the burial knows better than the belief that the object had ended.
        if (ended.holds(uid, resourceVersion) && !ended.exhume(uid, mark.grave)) continue;
        put(object);
      }
      for (const one of list.malformed) this.leaveOut(one, false);
    },
  };
}

function nameKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
