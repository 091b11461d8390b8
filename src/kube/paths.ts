import type { Kind, KubeObject } from './types.ts';

type Which = Pick<Kind<KubeObject>, 'apiVersion' | 'plural'>;

/** The core group's objects are under /api, all others under /apis. */
export function collectionPath(kind: Which, namespace: string): string {
  const root = kind.apiVersion.includes('/') ? '/apis' : '/api';
  return `${root}/${kind.apiVersion}/namespaces/${segment(namespace)}/${kind.plural}`;
}

export function objectPath(kind: Which, namespace: string, name: string): string {
  return `${collectionPath(kind, namespace)}/${segment(name)}`;
}

/** Of a review: some kinds are asked in a namespace, some of the cluster. */
export function reviewPath(kind: Which, namespace: string | undefined): string {
  return namespace === undefined
    ? `/apis/${kind.apiVersion}/${kind.plural}`
    : collectionPath(kind, namespace);
}

export function withQuery(path: string, query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** Names come from objects' fields: one such as `..` or `a/b` must not lead to another path. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..')
    throw new TypeError(`no name of an object: ${JSON.stringify(name)}`);
  return encodeURIComponent(name);
}
