import { status } from '@grpc/grpc-js';
import { z } from 'zod';
import type { Store } from '../../kube/types.ts';
import type { ServedPool } from '../served_pools.ts';
import type { ScaledObjectRef } from './external_scaler.ts';

/** Why KEDA gets no figure: a status of gRPC, and what to do in words. */
export class NoDemand extends Error {
  override readonly name = 'NoDemand';
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a trigger says in its metadata; KEDA's own keys beside these are none of ours. */
const trigger = z.object({
  pool: z.string().min(1),
  namespace: z.string().min(1).optional(),
  minIdle: z.coerce.number().int().min(0).max(100_000).default(0),
});

export interface Asked {
  namespace: string;
  pool: string;
  minIdle: number;
}

/** What a trigger asks for; throws NoDemand. Pure. */
export function readTrigger({ namespace, scalerMetadata }: ScaledObjectRef): Asked {
  const read = trigger.safeParse(scalerMetadata);
  if (!read.success) {
    const wrong = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new NoDemand(status.INVALID_ARGUMENT, `the trigger's metadata: ${wrong.join('; ')}`);
  }
  // Who may make ScaledObjects in one namespace is to learn nothing of the pools of another.
  if (read.data.namespace !== undefined && read.data.namespace !== namespace)
    throw new NoDemand(
      status.PERMISSION_DENIED,
      `a ScaledObject of namespace ${namespace} is told of pools of that namespace alone`,
    );
  return { namespace, pool: read.data.pool, minIdle: read.data.minIdle };
}

/** Runners that the pool should have by its forge's queue; throws NoDemand. */
export function demandOf(
  { namespace, pool: name, minIdle }: Asked,
  pools: { store: Pick<Store<ServedPool>, 'get'>; synced: boolean },
): number {
  if (!pools.synced) throw new NoDemand(status.UNAVAILABLE, 'the pools are not known yet');
  const pool = pools.store.get(namespace, name);
  if (pool === undefined)
    throw new NoDemand(status.NOT_FOUND, `there is no RunnerPool ${name} in namespace ${namespace}`);
  const { queued, busyReplicas = 0 } = pool.status ?? {};
  // Not 0: KEDA would take the runners away from jobs that nobody has counted.
  if (queued === undefined)
    throw new NoDemand(
      status.FAILED_PRECONDITION,
      `how many jobs wait for RunnerPool ${name} is not known: see its condition and spec.forge`,
    );
  return queued + busyReplicas + minIdle;
}
