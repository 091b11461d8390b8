import { z } from 'zod';

/** metav1.Condition; `reason` is CamelCase, `lastTransitionTime` moves only when `status` does. */
export const condition = z
  .object({
    type: z.string().max(316).describe('Condition type in CamelCase: Ready, Progressing or Degraded.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
    reason: z.string().min(1).max(1024).describe('Why the condition has its status, one CamelCase word.'),
    message: z.string().max(4096).describe('The same for a person, with the field or object it is about.'),
    lastTransitionTime: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .describe('When status last changed.'),
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation this was decided from.'),
  })
  .describe('One standard condition.');

export type Condition = z.infer<typeof condition>;

export const conditions = z
  .array(condition)
  .max(16)
  .describe('Standard conditions of the object.')
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** Returns `previous` with `next` set, keeping the transition time of a condition whose status stays. */
export function setCondition(
  previous: readonly Condition[],
  next: Omit<Condition, 'lastTransitionTime'>,
  now: Date,
): Condition[] {
  const before = previous.find((one) => one.type === next.type);
  const lastTransitionTime =
    before !== undefined && before.status === next.status
      ? before.lastTransitionTime
      : now.toISOString().replace(/\.\d+Z$/, 'Z');
  const rest = previous.filter((one) => one.type !== next.type);
  return [...rest, { ...next, lastTransitionTime }].sort((a, b) => a.type.localeCompare(b.type));
}
