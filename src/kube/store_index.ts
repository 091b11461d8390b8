import type { KubeObject } from './types.ts';

type Entry<T> = { of: (object: T) => string | undefined; byValue: Map<string, Map<string, T>> };

/** Objects by the value that each index function gives for them. */
export function indexes<T extends KubeObject>(functions: Record<string, (object: T) => string | undefined>) {
  const entries = new Map<string, Entry<T>>(
    Object.entries(functions).map(([name, of]) => [name, { of, byValue: new Map() }]),
  );

  function remove(entry: Entry<T>, object: T): void {
    const value = entry.of(object);
    const bucket = value === undefined ? undefined : entry.byValue.get(value);
    if (value === undefined || bucket === undefined) return;
    bucket.delete(object.metadata.uid);
    if (bucket.size === 0) entry.byValue.delete(value);
  }

  function add(entry: Entry<T>, object: T): void {
    const value = entry.of(object);
    if (value === undefined) return;
    let bucket = entry.byValue.get(value);
    if (bucket === undefined) {
      bucket = new Map();
      entry.byValue.set(value, bucket);
    }
    bucket.set(object.metadata.uid, object);
  }

  return {
    replace(before: T | undefined, after: T | undefined): void {
      for (const entry of entries.values()) {
        if (before !== undefined) remove(entry, before);
        if (after !== undefined) add(entry, after);
      }
    },
    find(name: string, value: string): readonly T[] {
      const entry = entries.get(name);
      if (entry === undefined) throw new Error(`no index named ${name}`);
      return [...(entry.byValue.get(value)?.values() ?? [])];
    },
  };
}
