import { z } from 'zod';
import { duration } from './duration.ts';

const count = (description: string) => z.int().min(0).max(100_000).describe(description);

export const poolAutoscaling = z
  .object({
    min: count('Fewest runners.').default(0),
    max: count('Most runners.'),
    minIdle: count('Runners that wait for a job beyond those that have one or are queued for.').default(0),
    scaleDownDelay: duration('How long fewer runners must have been enough before there are fewer.', {
      min: '0s',
      max: '24h',
    }).default('2m'),
  })
  .meta({
    'x-kubernetes-validations': [
      { rule: 'self.min <= self.max', message: 'min must not be more than max', fieldPath: '.min' },
    ],
  })
  .describe(
    'Harrier sets replicas by the forge’s queue: queued jobs, busy runners and minIdle, within min and max. Without it replicas are yours, or any autoscaler’s.',
  );
export type PoolAutoscaling = z.infer<typeof poolAutoscaling>;

/** What the next decision needs of those before it, so that a new leader decides alike. */
export const autoscalingStatus = z
  .object({
    fewerSince: z
      .string()
      .max(64)
      .meta({ format: 'date-time' })
      .describe('Since when fewer runners than replicas would have been enough.'),
    mostSince: count('Most runners that were needed since then.'),
  })
  .describe('While fewer runners would be enough; absent else.');
export type AutoscalingStatus = z.infer<typeof autoscalingStatus>;
