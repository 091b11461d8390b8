import { isKubeError } from '../../kube/errors.ts';
import type { Abortable, Informer, KubeClient } from '../../kube/types.ts';
import { API_VERSION, FieldManager } from '../../resources/group.ts';
import type { RunnerPoolStatus } from '../../resources/runner_pool.ts';
import { type ServedPool, ServedPoolKind } from '../served_pools.ts';

/** What the api owns of a pool's status: each of its writes carries all of it, or the rest would be taken away. */
export type ApiPoolStatus = Pick<RunnerPoolStatus, 'cache' | 'webhook'>;

export interface WritePoolStatusOptions {
  client: Pick<KubeClient, 'get' | 'applyStatus'>;
  pools: { store: Pick<Informer<ServedPool>['store'], 'absorb'> };
}

/**
 * Writes what `decide` makes of the pool as it is, and of how it has become when another write came first. Answers the
 * pool as it then is; undefined when it decides on nothing, or the pool is gone. Throws KubeError.
 */
export type WritePoolStatus = (
  pool: ServedPool,
  decide: (pool: ServedPool) => Partial<ApiPoolStatus> | undefined,
  options?: Abortable,
) => Promise<ServedPool | undefined>;

/** The controller writes to the same object, and other replicas may; not so often in a row. */
const TRIES = 10;

/** The one writer of the api's part of RunnerPool.status. */
export function createWritePoolStatus(through: WritePoolStatusOptions): WritePoolStatus {
  return async (held, decide, options = {}) => {
    const { namespace, name, uid } = held.metadata;
    let pool = held;
    for (let tried = 1; ; tried++) {
      const changes = decide(pool);
      if (changes === undefined) return undefined;
      try {
        return await apply(through, pool, changes, options);
      } catch (error) {
        if (isKubeError(error, 'notFound')) return undefined;
        if (!isKubeError(error, 'conflict') || tried === TRIES) throw error;
      }
      const read = await through.client.get(ServedPoolKind, namespace, name, options);
      if (read?.metadata.uid !== uid) return undefined;
      pool = read;
    }
  };
}

async function apply(
  { client, pools }: WritePoolStatusOptions,
  { metadata, status }: ServedPool,
  changes: Partial<ApiPoolStatus>,
  options: Abortable,
): Promise<ServedPool> {
  const { namespace, name, uid, resourceVersion } = metadata;
  const written = await client.applyStatus(
    ServedPoolKind,
    {
      apiVersion: API_VERSION,
      kind: ServedPoolKind.kind,
      // With the version that it was made from: of two replicas one meets 409 and decides anew.
      metadata: { namespace, name, uid, resourceVersion },
      status: { cache: status?.cache, webhook: status?.webhook, ...changes },
    },
    { ...options, fieldManager: FieldManager.api, force: true },
  );
  pools.store.absorb(written);
  return written;
}
