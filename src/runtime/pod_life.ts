import { z } from 'zod';
import { PodKind } from '../kube/kinds.ts';
import type { Kind } from '../kube/types.ts';

const podLife = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  status: z.object({ phase: z.string().optional() }).optional(),
});

/** What of a pod decides over its token. */
export type PodLife = z.infer<typeof podLife>;

/** Pods with all else left out: the api holds one of these for each runner of the cluster. */
export const PodLifeKind: Kind<PodLife> = { ...PodKind, parse: (raw) => podLife.parse(raw) };
