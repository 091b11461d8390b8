import { z } from 'zod';
import { PodKind } from '../kube/kinds.ts';
import type { Kind } from '../kube/types.ts';
import type { AgentDrain } from '../protocol/agent.ts';
import { Annotation } from '../resources/group.ts';
import { watchedMetadata } from './watched_metadata.ts';

const podLife = z.object({
  metadata: watchedMetadata,
  status: z.object({ phase: z.string().optional() }).optional(),
});

/** What of a pod decides over its token, and whether it is wanted gone. */
export type PodLife = z.infer<typeof podLife> & { drain?: AgentDrain | undefined };

const marks = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }),
});

/** Pods with all else left out: the api holds one of these for each runner of the cluster. */
export const PodLifeKind: Kind<PodLife> = {
  ...PodKind,
  parse(raw) {
    const drain = drainOf(marks.parse(raw).metadata.annotations);
    return { ...podLife.parse(raw), ...(drain === undefined ? {} : { drain }) };
  },
};

/** Annotations are anybody's to write: what is no time counts as not there. */
function drainOf(annotations: Record<string, string> | undefined): AgentDrain | undefined {
  const since = timeOf(annotations?.[Annotation.drainSince]);
  const deadline = timeOf(annotations?.[Annotation.drainDeadline]);
  if (since === undefined) return undefined;
  return { since, ...(deadline === undefined ? {} : { deadline }) };
}

function timeOf(text: string | undefined): string | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
