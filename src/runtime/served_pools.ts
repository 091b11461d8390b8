import { z } from 'zod';
import { RunnerPoolKind } from '../kube/kinds.ts';
import type { Kind } from '../kube/types.ts';
import { runnerPoolSpec, runnerPoolStatus } from '../resources/runner_pool.ts';
import { watchedMetadata } from './watched_metadata.ts';

const servedPool = z.object({
  metadata: watchedMetadata,
  spec: z.object({
    replicas: runnerPoolSpec.shape.replicas,
    forge: runnerPoolSpec.shape.forge.unwrap().pick({ type: true, url: true, scope: true }),
    cache: runnerPoolSpec.shape.cache,
  }),
  status: runnerPoolStatus
    .pick({
      replicas: true,
      readyReplicas: true,
      idleReplicas: true,
      busyReplicas: true,
      queued: true,
      external: true,
      cache: true,
      webhook: true,
      conditions: true,
    })
    .optional(),
});

/** What the api uses of a pool. */
export type ServedPool = z.infer<typeof servedPool>;

/** Pools with all else left out: a pod template may be many times as large as what is used here. */
export const ServedPoolKind: Kind<ServedPool> = { ...RunnerPoolKind, parse: (raw) => servedPool.parse(raw) };
