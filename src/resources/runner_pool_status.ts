import { z } from 'zod';
import { conditions } from './conditions.ts';
import { autoscalingStatus } from './pool_autoscaling.ts';
import { poolCacheStatus } from './pool_cache.ts';
import { recorded } from './supplied.ts';

const count = (description: string) => z.int().min(0).max(100_000).describe(description);

/** A slot whose last start failed, kept so that the count outlives the pod and the controller. */
export const slotFailure = z
  .object({
    slot: count('The slot.'),
    attempt: z.int().min(1).describe('Starts tried in a row.'),
    notBefore: z.string().max(64).meta({ format: 'date-time' }).describe('When the next start may be made.'),
    reason: z.string().max(128).describe('Why the last start failed, one CamelCase word.'),
    message: z.string().max(1024).describe('The same for a person.'),
  })
  .describe('A slot whose last start failed.');

/** What the forge last said of the pool’s runners. */
export const poolForgeStatus = z
  .object({
    records: count('Records of the pool’s runners in the forge.'),
    online: count('Of them those that are connected.'),
    orphansRemoved: z
      .int()
      .min(0)
      .default(0)
      .describe('Records without a runner that were removed since the pool began.'),
    details: z
      .record(z.string().max(64), z.string().max(256))
      .optional()
      .describe(
        'What else the forge’s adapter tells, such as the cell in a routable GitLab token; no secret.',
      ),
  })
  .describe('What the forge last said of the pool’s runners.');
export type PoolForgeStatus = z.infer<typeof poolForgeStatus>;

/** A hint that the forge should be asked now. What a webhook says is never believed beyond that. */
export const webhookStatus = z
  .object({
    delivery: z.string().max(128).describe('Id of the newest delivery.'),
    at: z.string().max(64).meta({ format: 'date-time' }).describe('When it came.'),
  })
  .describe('The newest webhook of the forge that was genuine; written by the api.');

export const runnerPoolStatus = z
  .object({
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation last acted upon.'),
    replicas: count('Runner pods that are neither finished nor being deleted.').default(0),
    readyReplicas: count('Runners idle or busy for at least minReadySeconds.').default(0),
    idleReplicas: count('Runners waiting for a job.').default(0),
    busyReplicas: count('Runners with a job.').default(0),
    queued: count(
      'Jobs that wait in the forge for runners with the pool’s labels; absent where it can’t be known.',
    ).optional(),
    autoscaling: autoscalingStatus.optional(),
    forge: poolForgeStatus.optional(),
    external: count('Live runners that joined by registering: Harrier did not make them.').default(0),
    outdatedReplicas: count('Runners of an older template.').default(0),
    created: z
      .int()
      .min(0)
      .default(0)
      .describe('Runners made since the pool began; the names of the next ones derive from it.'),
    selector: z.string().max(512).optional().describe('Label selector of the runner pods, for autoscalers.'),
    registrationRef: z
      .object({ name: z.string().min(1).max(253).describe('Name of the RunnerToken.') })
      .optional()
      .describe('The Registration token that new runners descend from.'),
    templateHash: z.string().max(64).optional().describe('Hash of what new runner pods are made from.'),
    recorded: recorded
      .optional()
      .describe('Whom the runners’ credential speaks for: the pool itself where nothing is supplied.'),
    failures: z
      .array(slotFailure)
      .max(1000)
      .default([])
      .describe('Slots whose last start failed.')
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['slot'] }),
    cache: poolCacheStatus.optional(),
    webhook: webhookStatus.optional(),
    conditions: conditions.default([]),
  })
  .describe('What the pool is; written by the controller, and of the cache by the api.');

export type RunnerPoolStatus = z.infer<typeof runnerPoolStatus>;
export type SlotFailure = z.infer<typeof slotFailure>;
