import { type ServedPool, ServedPoolKind } from '../../../src/runtime/served_pools.ts';
import { aPool } from '../../tokens/builders.ts';
import type { Watched } from '../builders.ts';

let versions = 1;

/** Puts a pool into namespace ci, or a later version of it, with what its status says of its queue. */
export function setPool(
  pools: Watched<ServedPool>,
  name: string,
  status: { queued?: number; busyReplicas: number },
): void {
  const pool = aPool();
  const metadata = { ...pool.metadata, name, uid: `uid-of-${name}`, resourceVersion: `${++versions}` };
  pools.store.set(ServedPoolKind.parse({ metadata, spec: pool.spec, status }));
}
