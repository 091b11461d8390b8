import { z } from 'zod';
import { API_VERSION } from '../resources/group.ts';
import { objectMeta } from '../resources/object.ts';
import { type RunnerPool, runnerPool } from '../resources/runner_pool.ts';
import { type RunnerToken, runnerToken } from '../resources/runner_token.ts';
import type { Kind, KubeObject } from './types.ts';

/** The kinds Harrier touches. Schemas of the built-in ones hold what is read of them and let the rest pass. */

const containerState = z.looseObject({
  waiting: z.looseObject({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.looseObject({ startedAt: z.string().nullish() }).optional(),
  terminated: z
    .looseObject({
      exitCode: z.number(),
      reason: z.string().optional(),
      message: z.string().optional(),
      finishedAt: z.string().nullish(),
    })
    .optional(),
});

const containerStatus = z.looseObject({
  name: z.string(),
  ready: z.boolean(),
  started: z.boolean().nullish(),
  restartCount: z.number(),
  state: containerState.optional(),
  lastState: containerState.optional(),
});

const pod = z.looseObject({
  metadata: objectMeta,
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string() })),
    initContainers: z.array(z.looseObject({ name: z.string() })).optional(),
    nodeName: z.string().optional(),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      startTime: z.string().optional(),
      conditions: z
        .array(
          z.looseObject({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
            lastTransitionTime: z.string().nullish(),
          }),
        )
        .optional(),
      containerStatuses: z.array(containerStatus).optional(),
      initContainerStatuses: z.array(containerStatus).optional(),
    })
    .optional(),
});

const secret = z.looseObject({
  metadata: objectMeta,
  type: z.string().optional(),
  immutable: z.boolean().optional(),
  /** Values are base64. */
  data: z.record(z.string(), z.string()).optional(),
});

const configMap = z.looseObject({
  metadata: objectMeta,
  data: z.record(z.string(), z.string()).optional(),
});

const lease = z.looseObject({
  metadata: objectMeta,
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      leaseTransitions: z.number().nullish(),
    })
    .optional(),
});

const event = z.looseObject({
  metadata: objectMeta,
  reason: z.string().optional(),
  message: z.string().optional(),
  type: z.string().optional(),
  count: z.number().optional(),
});

export type Pod = z.infer<typeof pod>;
export type Secret = z.infer<typeof secret>;
export type ConfigMap = z.infer<typeof configMap>;
export type Lease = z.infer<typeof lease>;
export type Event = z.infer<typeof event>;

function kind<T extends KubeObject>(
  apiVersion: string,
  name: string,
  plural: string,
  schema: { parse(raw: unknown): T },
): Kind<T> {
  return { apiVersion, kind: name, plural, parse: (raw) => schema.parse(raw) };
}

export const RunnerPoolKind: Kind<RunnerPool> = kind(API_VERSION, 'RunnerPool', 'runnerpools', runnerPool);
export const RunnerTokenKind: Kind<RunnerToken> = kind(
  API_VERSION,
  'RunnerToken',
  'runnertokens',
  runnerToken,
);
export const PodKind: Kind<Pod> = kind('v1', 'Pod', 'pods', pod);
export const SecretKind: Kind<Secret> = kind('v1', 'Secret', 'secrets', secret);
export const ConfigMapKind: Kind<ConfigMap> = kind('v1', 'ConfigMap', 'configmaps', configMap);
export const LeaseKind: Kind<Lease> = kind('coordination.k8s.io/v1', 'Lease', 'leases', lease);
export const EventKind: Kind<Event> = kind('v1', 'Event', 'events', event);
