import { z } from 'zod';
import { isKubeError, KubeError, type RequestName } from './errors.ts';
import { malformed } from './malformed.ts';
import { collectionPath, withQuery } from './paths.ts';
import type { KubeRequest } from './transport.ts';
import type { Kind, KubeObject, ListResult, Selectors } from './types.ts';

const PAGE = 500;

const page = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().min(1), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullish(),
});

/**
 * Lists in pages of 500. What doesn't parse is not among `items` but in `malformed`; an item without so much as a UID
 * fails the list.
 */
export async function readList<T extends KubeObject>(
  ask: (request: KubeRequest) => Promise<unknown>,
  kind: Kind<T>,
  name: RequestName,
  namespace: string,
  options: Selectors & { signal?: AbortSignal },
): Promise<ListResult<T>> {
  try {
    return await readPages(ask, kind, name, namespace, options, PAGE);
  } catch (error) {
    // The snapshot behind the `continue` was compacted away while paging: take it all in one page.
    if (!isKubeError(error, 'gone')) throw error;
    return readPages(ask, kind, name, namespace, options, undefined);
  }
}

async function readPages<T extends KubeObject>(
  ask: (request: KubeRequest) => Promise<unknown>,
  kind: Kind<T>,
  name: RequestName,
  namespace: string,
  { labelSelector, fieldSelector, signal }: Selectors & { signal?: AbortSignal },
  limit: number | undefined,
): Promise<ListResult<T>> {
  const result: ListResult<T> = { items: [], malformed: [], resourceVersion: '' };
  let next: string | undefined;
  do {
    const query = { limit: limit?.toString(), continue: next, labelSelector, fieldSelector };
    const path = withQuery(collectionPath(kind, namespace), query);
    const parsed = page.safeParse(await ask({ method: 'GET', path, name, signal }));
    if (!parsed.success) throw new KubeError('malformed', name, 'the answer is no list');
    for (const raw of parsed.data.items ?? []) take(kind, name, raw, result);
    result.resourceVersion = parsed.data.metadata.resourceVersion;
    next = parsed.data.metadata.continue || undefined;
  } while (next !== undefined);
  return result;
}

function take<T extends KubeObject>(
  kind: Kind<T>,
  name: RequestName,
  raw: unknown,
  into: ListResult<T>,
): void {
  try {
    into.items.push(kind.parse(raw));
  } catch (cause) {
    const found = malformed(raw, cause);
    if (found === undefined) throw new KubeError('malformed', name, 'an item has no readable metadata');
    into.malformed.push(found);
  }
}
