/** Pods and Secrets cut down to what the controller decides from, so that its stores stay small. */
import { z } from 'zod';
import type { Kind, KubeObject } from '../kube/types.ts';
import { PodPart } from '../resources/group.ts';
import { type ObjectMeta, objectMeta } from '../resources/object.ts';
import { quote } from './quote.ts';

const containerStatus = z.object({
  name: z.string(),
  state: z
    .object({
      waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
      running: z.object({ startedAt: z.string().optional() }).optional(),
      terminated: z
        .object({
          exitCode: z.number(),
          startedAt: z.string().nullish(),
          finishedAt: z.string().nullish(),
          reason: z.string().optional(),
          message: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
});

const podStatus = z.object({
  phase: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  initContainerStatuses: z.array(containerStatus).optional(),
  containerStatuses: z.array(containerStatus).optional(),
});

export interface RunnerPod extends KubeObject {
  metadata: ObjectMeta;
  phase: string;
  /** When the runner container started, RFC 3339; absent while it has not. */
  startedAt?: string | undefined;
  /** When the runner container ended, RFC 3339. */
  endedAt?: string | undefined;
  /** What kubelet or node say of the pod's end or of what keeps it from starting; may be the program's own words. */
  trouble?: string | undefined;
}

export const runnerPodKind: Kind<RunnerPod> = {
  apiVersion: 'v1',
  kind: 'Pod',
  plural: 'pods',
  parse: (raw) => {
    const { metadata, status } = raw as { metadata: unknown; status?: unknown };
    const seen = podStatus.parse(status ?? {});
    const runner = seen.containerStatuses?.find((one) => one.name === PodPart.runnerContainer)?.state;
    return {
      metadata: slim(objectMeta.parse(metadata)),
      phase: seen.phase ?? 'Pending',
      startedAt: runner?.running?.startedAt ?? runner?.terminated?.startedAt ?? undefined,
      endedAt: runner?.terminated?.finishedAt ?? undefined,
      trouble: troubleOf(seen, runner),
    };
  },
};

export interface SecretHead extends KubeObject {
  metadata: ObjectMeta;
}

/** A Secret of which only the metadata is kept: the controller asks whether it is there and whose it is. */
export const secretHeadKind: Kind<SecretHead> = {
  apiVersion: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  parse: (raw) => ({ metadata: slim(objectMeta.parse((raw as { metadata: unknown }).metadata)) }),
};

/** UID of the object that controls this one, if it is of the kind given. */
export function controllerUid(object: { metadata: ObjectMeta }, kind: string): string | undefined {
  const owner = object.metadata.ownerReferences?.find((one) => one.controller === true);
  return owner?.kind === kind ? owner.uid : undefined;
}

/** Whether the object is to be collected with the one of this UID. */
export function ownedBy(object: { metadata: ObjectMeta }, uid: string): boolean {
  return object.metadata.ownerReferences?.some((one) => one.uid === uid) ?? false;
}

function slim(metadata: ObjectMeta): ObjectMeta {
  const { managedFields: _managedFields, ...rest } = metadata;
  return rest;
}

function troubleOf(
  status: z.infer<typeof podStatus>,
  runner: z.infer<typeof containerStatus>['state'],
): string | undefined {
  const started = (runner?.running?.startedAt ?? runner?.terminated?.startedAt ?? undefined) !== undefined;
  const before = started ? undefined : troubleBefore(status.initContainerStatuses ?? []);
  const words = before ?? wordsOf(runner);
  if (words !== undefined) return sentence(words);
  return status.reason === undefined ? undefined : sentence([status.reason, status.message]);
}

/** What keeps the runner's container from being started: the first container before it that failed, or can't start. */
function troubleBefore(containers: readonly z.infer<typeof containerStatus>[]): Words | undefined {
  const failed = containers
    .filter(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0)
    .sort((a, b) => finishedMs(a) - finishedMs(b))
    .at(0);
  const stuck = failed ?? containers.find(({ state }) => wordsOf({ waiting: state?.waiting }) !== undefined);
  return stuck && [stuck.name, ...(wordsOf(stuck.state) ?? [])];
}

type Words = (string | undefined)[];

function wordsOf(state: z.infer<typeof containerStatus>['state']): Words | undefined {
  if (state?.terminated !== undefined) {
    const { exitCode, reason, message } = state.terminated;
    return [`exit code ${exitCode}`, reason, message === undefined ? undefined : quote(message)];
  }
  if (state?.waiting?.reason === undefined || state.waiting.reason === 'PodInitializing') return undefined;
  return [state.waiting.reason, state.waiting.message];
}

/** The sidecar is ended after whatever failed: what ended first is why. */
function finishedMs({ state }: z.infer<typeof containerStatus>): number {
  return Date.parse(state?.terminated?.finishedAt ?? '') || 0;
}

/** Cut short, and without anything that has the shape of a JWT: a program may write what it likes as its last words. */
function sentence(parts: Words): string {
  return parts
    .filter((part) => part !== undefined && part !== '')
    .join(': ')
    .replace(/ey[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, '[token]')
    .slice(0, 300);
}
