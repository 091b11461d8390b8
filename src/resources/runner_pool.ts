import { z } from 'zod';
import { duration } from './duration.ts';
import { routing } from './entity.ts';
import { AGENT_AUDIENCE } from './group.ts';
import { objectMeta } from './object.ts';
import { template } from './pod_template.ts';
import { poolArtifacts } from './pool_artifacts.ts';
import { poolAutoscaling } from './pool_autoscaling.ts';
import { poolCache } from './pool_cache.ts';
import { poolForge } from './pool_forge.ts';
import { runnerPoolStatus } from './runner_pool_status.ts';
import { supplied } from './supplied.ts';

const count = (description: string) => z.int().min(0).max(100_000).describe(description);

/** The api refuses such a token by its `agent` claim as well: two locks, since one of them is what a user writes. */
const notForAgents = {
  rule: `!self.exists(one, one == '${AGENT_AUDIENCE}')`,
  message: `${AGENT_AUDIENCE} is the audience of agent tokens alone`,
};

const token = z
  .object({
    ttl: duration('Lifetime of a runtime token; it is refreshed at 80 % of it.', {
      min: '60s',
      max: '24h',
    }).default('1h'),
    audiences: z
      .array(z.string().min(1).max(256))
      .max(16)
      .default([])
      .describe("Audiences beside the api's own, for services that verify the token by the published keys.")
      .meta({
        'x-kubernetes-list-type': 'set',
        'x-kubernetes-validations': [notForAgents],
      }),
    registrationRef: z
      .object({ name: z.string().min(1).max(253).describe('Name of the RunnerToken.') })
      .optional()
      .describe(
        "The Registration token that the pool's own runners descend from; the newest active one when absent, made if there is none.",
      ),
    supplied: supplied
      .optional()
      .describe(
        'A credential that each runner may fetch once (GET /v1/runner/credential). Runners are made only while it is good.',
      ),
  })
  .default({ ttl: '1h', audiences: [] })
  .describe("The runners' own JWTs.");

const lifecycleDefaults = {
  startupTimeout: '10m',
  maxAttempts: 5,
  backoff: { initial: '5s', max: '5m' },
  drainTimeout: '1h',
  minReadySeconds: 0,
  onDelete: 'Drain',
  forgeCleanupTimeout: '5m',
} as const;

const lifecycle = z
  .object({
    startupTimeout: duration('How long a runner may take from its pod to idle.', {
      min: '1s',
      max: '24h',
    }).default(lifecycleDefaults.startupTimeout),
    maxAttempts: z
      .int()
      .min(1)
      .max(100)
      .default(lifecycleDefaults.maxAttempts)
      .describe(
        'Failed starts in a row after which a slot is reported Degraded; it is then retried at the longest back-off.',
      ),
    backoff: z
      .object({
        initial: duration('Pause after the first failed start.', { min: '1s', max: '1h' }).default('5s'),
        max: duration('The longest pause; each failed start doubles it up to this.', {
          min: '1s',
          max: '1h',
        }).default('5m'),
      })
      .meta({
        'x-kubernetes-validations': [
          {
            rule: 'duration(self.initial) <= duration(self.max)',
            message: 'initial must not be longer than max',
            fieldPath: '.initial',
          },
        ],
      })
      .default(lifecycleDefaults.backoff)
      .describe("Pauses between the starts of one slot; other slots aren't held up."),
    drainTimeout: duration('How long a busy runner that should go may still work.', {
      min: '0s',
      max: '168h',
    }).default(lifecycleDefaults.drainTimeout),
    minReadySeconds: z
      .int()
      .min(0)
      .max(3600)
      .default(lifecycleDefaults.minReadySeconds)
      .describe('Seconds a runner must have been ready before it counts as ready.'),
    onDelete: z
      .enum(['Drain', 'Delete'])
      .default(lifecycleDefaults.onDelete)
      .describe('What a deleted pool does with busy runners: let them finish (Drain) or not (Delete).'),
    forgeCleanupTimeout: duration(
      'How long a deleted pool waits for its forge to remove the records of its runners, once its runners are gone.',
      { min: '0s', max: '24h' },
    ).default(lifecycleDefaults.forgeCleanupTimeout),
  })
  .default(lifecycleDefaults)
  .describe('How runners start, are retried and end.');

const updateStrategy = z
  .object({
    type: z
      .enum(['Replace', 'OnFinish'])
      .default('Replace')
      .describe(
        'Replace: idle runners of an old template go at once. OnFinish: each goes when it has finished.',
      ),
    maxSurge: count('Runners above replicas while old ones are replaced.').default(0),
  })
  .default({ type: 'Replace', maxSurge: 0 })
  .describe('How a changed template reaches the runners; busy ones always finish first.');

const agent = z
  .object({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Whether each sidecar keeps a WebSocket to the api, by which states and orders pass at once.',
      ),
  })
  .default({ enabled: false })
  .describe('Agent mode.');

export const runnerPoolSpec = z
  .object({
    replicas: count('How many runners to keep; set by Harrier where autoscaling is given.').default(1),
    autoscaling: poolAutoscaling.optional(),
    forge: poolForge,
    template,
    token,
    cache: poolCache,
    artifacts: poolArtifacts,
    lifecycle,
    updateStrategy,
    routing: routing.default({}),
    agent,
  })
  .describe('What the pool should be.');

export const runnerPool = z.looseObject({
  metadata: objectMeta,
  spec: runnerPoolSpec,
  status: runnerPoolStatus.optional(),
});

export type RunnerPoolSpec = z.infer<typeof runnerPoolSpec>;
export type RunnerPool = z.infer<typeof runnerPool>;
export { type Permission, permission } from './pool_cache.ts';
export type { RunnerPoolStatus, SlotFailure } from './runner_pool_status.ts';
export { runnerPoolStatus } from './runner_pool_status.ts';
