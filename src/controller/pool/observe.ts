import type { Verdict } from '../../credentials/verdict.ts';
import type { KubeClient } from '../../kube/types.ts';
import { Annotation, Finalizer, Label } from '../../resources/group.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { RunnerToken } from '../../resources/runner_token.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { ownerOfPool } from '../credentials/owner.ts';
import type { Forges } from '../forge/forges.ts';
import { interceptionOf } from '../interception/standing.ts';
import type { InterceptionStates } from '../interception/states.ts';
import { type RunnerPod, secretHeadKind } from '../kinds.ts';
import type { View } from '../view.ts';
import { isLate } from './failed_starts.ts';
import { joinRefusals } from './join_refusals.ts';
import { createLastWords } from './last_words.ts';
import { nodeCacheOf } from './node_cache.ts';
import { observedForge, runnerInForge } from './observe_forge.ts';
import type { Observed, ObservedParent, ObservedPool, Runner } from './observed.ts';
import { type Parent, parentOf } from './parent.ts';
import { isRunnerOf, runnerPlaceOf } from './runner_identity.ts';
import type { RunnerSettings } from './sidecar_container.ts';
import { templateHash } from './template_hash.ts';
import { templateRefusals } from './template_refusal.ts';

/** For so long a Secret that was seen is taken for there: it is asked for by name, never watched or listed. */
const CREDENTIALS_BELIEVED_MS = 30_000;

/** Gathers what a pool's plan decides from; asks the apiserver only for the Secrets with credentials. */
export type ObservePool = (pool: RunnerPool) => Promise<Observed>;

export interface PoolObserver {
  client: Pick<KubeClient, 'get' | 'podLog'>;
  view: View;
  settings: RunnerSettings;
  credentials: Pick<Credentials, 'look'>;
  interceptions: Pick<InterceptionStates, 'of'>;
  forges: Forges;
  deletedPods: ReadonlySet<string>;
  now(): Date;
}

export function poolObserver(observer: PoolObserver): ObservePool {
  const { client, view, settings, interceptions, forges, deletedPods, now } = observer;
  const lastWords = createLastWords(client);
  /** Hash and refusals of a pool as it was read: they are the same at each look. */
  const specs = new WeakMap<RunnerPool, Pick<Observed, 'templateHash' | 'templateRefusals' | 'nodeCache'>>();
  /** By namespace/name: when the Secret was last seen. */
  const seen = new Map<string, number>();

  function specOf(pool: RunnerPool) {
    let known = specs.get(pool);
    if (known === undefined) {
      const nodeCache = nodeCacheOf(pool, settings.nodeCache);
      const given = nodeCache.standing === 'Given' ? nodeCache.given : undefined;
      known = {
        nodeCache,
        templateHash: templateHash(pool.spec, settings, given),
        templateRefusals: [
          ...templateRefusals(pool.spec.template.spec, settings.nodeCache?.path),
          ...joinRefusals(pool.spec),
        ],
      };
      specs.set(pool, known);
    }
    return known;
  }

  async function credentialsOf(pool: RunnerPool): Promise<Observed['credentials']> {
    const name = pool.spec.forge.credentialsSecretRef?.name;
    if (name === undefined) return 'NotNeeded';
    const key = `${pool.metadata.namespace}/${name}`;
    if (now().getTime() - (seen.get(key) ?? Number.NEGATIVE_INFINITY) < CREDENTIALS_BELIEVED_MS)
      return 'Present';
    const secret = await client.get(secretHeadKind, pool.metadata.namespace, name);
    if (secret === undefined) {
      seen.delete(key);
      return 'Missing';
    }
    seen.set(key, now().getTime());
    return 'Present';
  }

  async function credentialOf(pool: RunnerPool): Promise<Verdict> {
    const owner = ownerOfPool(pool);
    // A pool that ends makes no runner any more, and must not be held up by a Secret.
    if (pool.metadata.deletionTimestamp !== undefined)
      return { good: true, recorded: pool.status?.recorded ?? owner.own };
    return await observer.credentials.look(owner);
  }

  function inForge(pod: RunnerPod, token: RunnerToken | undefined, pool: RunnerPool): Pick<Runner, 'forge'> {
    const forge = runnerInForge(pod, token, pool, forges);
    return forge === undefined ? {} : { forge };
  }

  /** One that runs and never joined says in its log why; kubelet, which speaks of those that ended, knows nothing. */
  async function withLastWords(runners: readonly Runner[], pool: RunnerPool): Promise<Runner[]> {
    return await Promise.all(
      runners.map(async (runner) => {
        const silent = runner.forge !== undefined && runner.trouble === undefined;
        if (!silent || runner.startedAtMs === undefined || !isLate(runner, pool.spec.lifecycle, now()))
          return runner;
        const trouble = await lastWords(pool.metadata.namespace, runner);
        return trouble === undefined ? runner : { ...runner, trouble };
      }),
    );
  }

  return async (pool) => {
    const [credentials, credential] = await Promise.all([credentialsOf(pool), credentialOf(pool)]);
    const runners = view.pods
      .byIndex('pool', pool.metadata.uid)
      .filter((pod) => isRunnerOf(pod, pool))
      .map((pod) => {
        const token = view.tokens.get(pod.metadata.namespace, pod.metadata.name);
        const runner = { ...runnerOf(pod, token), ...inForge(pod, token, pool) };
        return deletedPods.has(runner.uid) ? { ...runner, terminating: true } : runner;
      });
    return {
      pool: observedPool(pool),
      ...specOf(pool),
      interception: seenInterception(pool, interceptions),
      credentials,
      forge: observedForge(pool, forges, now().getTime()),
      credential,
      parent: seenParent(parentOf(pool, view)),
      external: externalOf(pool, view),
      runners: await withLastWords(runners, pool),
    };
  };
}

function seenInterception(
  { metadata, spec }: RunnerPool,
  states: Pick<InterceptionStates, 'of'>,
): Observed['interception'] {
  const standing = interceptionOf(spec);
  if (standing.standing !== 'Given') return standing;
  return { ...standing, ...states.of(`${metadata.namespace}/${metadata.name}`, metadata.uid) };
}

function seenParent(parent: Parent): ObservedParent {
  return parent.standing === 'Found' ? { standing: 'Found', name: parent.token.metadata.name } : parent;
}

/** Runners that registered with this pool, and not with a namesake before it. */
function externalOf({ metadata }: RunnerPool, view: View): number {
  return view.tokens
    .byIndex('registered', `${metadata.namespace}/${metadata.name}`)
    .filter((one) => one.status?.phase === 'Active' && one.spec.poolRef.uid === metadata.uid).length;
}

function observedPool({ metadata, spec, status }: RunnerPool): ObservedPool {
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation ?? 0,
    deleting: metadata.deletionTimestamp !== undefined,
    hasDrainFinalizer: metadata.finalizers?.includes(Finalizer.drain) ?? false,
    hasForgeFinalizer: metadata.finalizers?.includes(Finalizer.forge) ?? false,
    spec,
    status,
  };
}

export function runnerOf(pod: RunnerPod, token: RunnerToken | undefined): Runner {
  const { metadata, phase, trouble } = pod;
  const own = token?.spec.podRef?.uid === metadata.uid ? token : undefined;
  return {
    name: metadata.name,
    uid: metadata.uid,
    createdAtMs: Date.parse(metadata.creationTimestamp),
    terminating: metadata.deletionTimestamp !== undefined,
    phase,
    ...runnerPlaceOf(pod),
    templateHash: metadata.labels?.[Label.templateHash] ?? '',
    startedAtMs: timeMs(pod.startedAt),
    endedAtMs: timeMs(pod.endedAt),
    drainSinceMs: timeMs(metadata.annotations?.[Annotation.drainSince]),
    drainDeadlineMs: timeMs(metadata.annotations?.[Annotation.drainDeadline]),
    trouble,
    token: own === undefined ? undefined : tokenOf(own),
  };
}

/** Undefined for what is no time, as a hand-written annotation may be. */
function timeMs(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function tokenOf({ status }: RunnerToken): Runner['token'] {
  const report = status?.runner;
  return {
    phase: status?.phase ?? 'Pending',
    reason: status?.reason,
    recorded: status?.recorded,
    state: report?.state,
    sinceMs: timeMs(report?.since),
    busySinceMs: timeMs(report?.busySince),
  };
}
