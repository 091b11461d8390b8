import { z } from 'zod';
import type { Malformed } from './types.ts';

const identity = z.looseObject({
  metadata: z.looseObject({
    name: z.string().min(1),
    namespace: z.string(),
    uid: z.string().min(1),
    resourceVersion: z.string().min(1),
  }),
});

/** Who an unreadable object is and which fields were at fault, or undefined if not even that can be read. */
export function malformed(raw: unknown, cause: unknown): Malformed | undefined {
  const found = identity.safeParse(raw);
  if (!found.success) return undefined;
  const { name, namespace, uid, resourceVersion } = found.data.metadata;
  return { metadata: { name, namespace, uid, resourceVersion }, problem: problemOf(cause) };
}

/** Paths and rules only: the values stay where they are, they may be secret. */
function problemOf(cause: unknown): string {
  if (cause instanceof z.ZodError)
    return cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).join('; ');
  return cause instanceof Error ? cause.name : 'unreadable';
}
