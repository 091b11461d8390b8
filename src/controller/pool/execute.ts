import type { Limit } from '../../concurrency/limit.ts';
import { isKubeError, type KubeError } from '../../kube/errors.ts';
import { RunnerPoolKind, RunnerTokenKind } from '../../kube/kinds.ts';
import { Annotation, API_VERSION, FieldManager, Finalizer } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { PoolAction } from '../action.ts';
import { type Forges, hasForge } from '../forge/forges.ts';
import { inParallel } from '../in_parallel.ts';
import { controllerUid, type RunnerPod, runnerPodKind } from '../kinds.ts';
import { giveIdentity, type IdentityHands } from '../token/give_identity.ts';
import { registrationManifest } from './registration_manifest.ts';
import { runnerPod } from './runner_pod.ts';
import type { RunnerSettings } from './sidecar_container.ts';

export type PoolHands = IdentityHands & {
  settings: RunnerSettings;
  forges: Forges;
  /** How many runners of all pools are worked on at once. */
  limit: Limit;
  /** namespace/name of pods to which an identity is being given at this moment. */
  underWay: Set<string>;
  /** UIDs of pods whose deletion the apiserver has accepted, until the watch says that they are gone. */
  deletedPods: Set<string>;
};

export interface Executed {
  done: PoolAction[];
  errors: unknown[];
  /** What the apiserver answered when it refused to create a runner, by admission, quota or validation. */
  refusal?: KubeError | undefined;
  /** A creation got no answer: whether its pod is there is not known. */
  unsure: boolean;
  /** The forge keeps the record of a runner that should have gone: what else was planned is for another look. */
  kept: boolean;
}

/** The forge did not let go of a record. */
class RecordKept extends Error {
  override readonly name = 'RecordKept';
}

/** Carries out a pool's plan: the only writer of runner pods and of a pool's finalizers. */
export async function executePoolActions(
  pool: RunnerPool,
  templateHash: string,
  actions: readonly PoolAction[],
  hands: PoolHands,
): Promise<Executed> {
  const executed: Executed = { done: [], errors: [], unsure: false, kept: false };
  for (const group of inOrder(actions)) {
    const { done, errors } = await inParallel(group, hands.limit, async (action) => {
      if (action.type !== 'CreateRunner') return await executeOne(pool, action, hands);
      // One refusal stands for all: the rest would be refused as well, at a request each.
      if (executed.refusal !== undefined) throw executed.refusal;
      try {
        await createRunner(pool, action, templateHash, hands);
      } catch (error) {
        if (isKubeError(error, 'forbidden', 'invalid', 'refused')) executed.refusal = error;
        else if (isKubeError(error, 'transient', 'malformed')) executed.unsure = true;
        throw error;
      }
    });
    executed.done.push(...done);
    executed.errors.push(...errors.filter((one) => !(one instanceof RecordKept)));
    executed.kept ||= errors.some((one) => one instanceof RecordKept);
    if (errors.length > 0) break;
  }
  return executed;
}

/**
 * Finalizers and registration token stand before the first runner is made; they go after the last. Runners that leave
 * their forge first come before all that counts on it. Two finalizers are two writes of one list, one after the other.
 */
function inOrder(actions: readonly PoolAction[]): PoolAction[][] {
  const ofType = (type: PoolAction['type']) => actions.filter((one) => one.type === type);
  const before = [
    ofType('AddDrainFinalizer'),
    ofType('AddForgeFinalizer'),
    [...ofType('MakeRegistration'), ...ofType('SetReplicas')],
    actions.filter((one) => one.type === 'DeleteRunner' && one.record !== undefined),
  ];
  const after = [ofType('RemoveForgeFinalizer'), ofType('RemoveDrainFinalizer')];
  const others = new Set([...before, ...after].flat());
  return [...before, actions.filter((one) => !others.has(one)), ...after];
}

async function createRunner(
  pool: RunnerPool,
  action: Extract<PoolAction, { type: 'CreateRunner' }>,
  templateHash: string,
  hands: PoolHands,
): Promise<void> {
  const { namespace, name, uid } = pool.metadata;
  const place = { slot: action.slot, serial: action.serial, attempt: action.attempt, templateHash };
  const manifest = runnerPod({ namespace, name, uid, spec: pool.spec }, place, hands.settings);
  const key = `${namespace}/${manifest.metadata.name}`;
  hands.underWay.add(key);
  try {
    const pod = await createPod(manifest, uid, hands);
    await giveIdentity(pod, pool, hands);
  } finally {
    hands.underWay.delete(key);
  }
}

async function createPod(
  manifest: ReturnType<typeof runnerPod>,
  poolUid: string,
  { client, view }: PoolHands,
): Promise<RunnerPod> {
  try {
    const made = await client.create(runnerPodKind, manifest);
    view.pods.absorb(made);
    return made;
  } catch (error) {
    if (!isKubeError(error, 'alreadyExists')) throw error;
    // The name says for what the pod was made: this very plan has been carried out before, if the pod is ours.
    const there = await client.get(runnerPodKind, manifest.metadata.namespace, manifest.metadata.name);
    if (there !== undefined) view.pods.absorb(there);
    if (there === undefined || controllerUid(there, 'RunnerPool') !== poolUid) throw error;
    if (there.metadata.deletionTimestamp !== undefined) throw error;
    return there;
  }
}

async function executeOne(
  pool: RunnerPool,
  action: Exclude<PoolAction, { type: 'CreateRunner' }>,
  hands: PoolHands,
): Promise<void> {
  switch (action.type) {
    case 'AddDrainFinalizer':
      return await setFinalizer(pool, Finalizer.drain, true, hands);
    case 'RemoveDrainFinalizer':
      return await setFinalizer(pool, Finalizer.drain, false, hands);
    case 'AddForgeFinalizer':
      return await setFinalizer(pool, Finalizer.forge, true, hands);
    case 'RemoveForgeFinalizer':
      return await setFinalizer(pool, Finalizer.forge, false, hands);
    case 'SetReplicas':
      return await setReplicas(pool, action.to, hands);
    case 'RemoveRecord':
      return await removeRecord(pool, action.record.name, false, hands);
    case 'MakeRegistration':
      return await makeRegistration(pool, hands);
    case 'DeleteRunner':
      if (action.record !== undefined) await removeRecord(pool, action.record, true, hands);
      return await deleteRunner(pool.metadata.namespace, action.runner, hands);
    case 'StartDrain':
      return await markDrain(pool.metadata.namespace, action.runner, action, hands);
    case 'StopDrain':
      return await markDrain(pool.metadata.namespace, action.runner, { since: null, deadline: null }, hands);
  }
}

async function makeRegistration(pool: RunnerPool, { client, view }: PoolHands): Promise<void> {
  try {
    view.tokens.absorb(await client.create(RunnerTokenKind, registrationManifest(pool)));
  } catch (error) {
    // Made before us: by a leader that got no further, or by hand. If it isn't a parent, the next plan says so.
    if (!isKubeError(error, 'alreadyExists')) throw error;
  }
}

async function setFinalizer(
  { metadata: { uid, namespace, name } }: RunnerPool,
  finalizer: string,
  held: boolean,
  { client, view }: PoolHands,
): Promise<void> {
  // The other finalizer may have been written just now.
  const pool = view.pools.byUid(uid);
  if (pool === undefined) return;
  const others = (pool.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  const finalizers = held ? [...others, finalizer] : others;
  // A merge patch replaces the whole list: with the version it was read at, no other's finalizer gets lost.
  const metadata = { finalizers, resourceVersion: pool.metadata.resourceVersion };
  try {
    view.pools.absorb(await client.mergePatch(RunnerPoolKind, namespace, name, { metadata }));
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
}

/** By a field manager of its own: who else has a say in replicas is told by the object. */
async function setReplicas(
  { metadata: { namespace, name, uid } }: RunnerPool,
  replicas: number,
  { client, view }: PoolHands,
): Promise<void> {
  const written = await client.apply(
    RunnerPoolKind,
    { apiVersion: API_VERSION, kind: 'RunnerPool', metadata: { namespace, name, uid }, spec: { replicas } },
    { fieldManager: FieldManager.autoscaler, force: true },
  );
  view.pools.absorb(written);
}

async function removeRecord(
  pool: RunnerPool,
  record: string,
  live: boolean,
  { forges }: PoolHands,
): Promise<void> {
  if (hasForge(pool) && !(await forges.remove(pool, record, live))) throw new RecordKept(record);
}

async function deleteRunner(
  namespace: string,
  { name, uid }: { name: string; uid: string },
  { client, deletedPods }: PoolHands,
): Promise<void> {
  await client.delete(runnerPodKind, namespace, name, { uid });
  deletedPods.add(uid);
}

async function markDrain(
  namespace: string,
  { name, uid }: { name: string; uid: string },
  { since, deadline }: { since: string | null; deadline: string | null },
  { client, view }: PoolHands,
): Promise<void> {
  const annotations = { [Annotation.drainSince]: since, [Annotation.drainDeadline]: deadline };
  const metadata = { uid, annotations };
  try {
    view.pods.absorb(await client.mergePatch(runnerPodKind, namespace, name, { metadata }));
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
}
