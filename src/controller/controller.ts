import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { createLimit } from '../concurrency/limit.ts';
import { createGuardedGet } from '../credentials/guarded_get.ts';
import { createValidateCredential } from '../credentials/validate.ts';
import { allowedHosts } from '../egress/allowed_hosts.ts';
import type { EventRecorder } from '../kube/events.ts';
import { createLoop, source } from '../kube/run.ts';
import type { KubeClient, StoreChange } from '../kube/types.ts';
import type { RunnerPool } from '../resources/runner_pool.ts';
import type { RunnerState, RunnerToken } from '../resources/runner_token.ts';
import { issueToken } from '../tokens/issue.ts';
import type { RotationPolicy } from '../tokens/rotation.ts';
import { concerned, reconcileAnyToken, tokensOf } from './any_token.ts';
import { createCredentials } from './credentials/credentials.ts';
import { createDescent } from './descent.ts';
import { fencedClient } from './fenced_client.ts';
import type { ForgeOptions } from './forge/forges.ts';
import { createForgesAtWork } from './forge/start.ts';
import { gather } from './gather.ts';
import { createHandover } from './handover.ts';
import { createInformers } from './informers.ts';
import { INTERCEPTION_POLICY } from './interception/policy.ts';
import { reconcileInterception } from './interception/reconcile.ts';
import { createInterceptionStates } from './interception/states.ts';
import { createKeyRing } from './keys/key_ring.ts';
import { reconcileKeys } from './keys/reconcile.ts';
import { withoutKey } from './keys/without_key.ts';
import { controllerUid } from './kinds.ts';
import { poolObserver } from './pool/observe.ts';
import { reconcilePool } from './pool/reconcile.ts';
import type { RunnerSettings } from './pool/sidecar_container.ts';
import { poolMetrics } from './pool_metrics.ts';
import type { ValueSettings } from './registration/value_routing.ts';
import { createInBackground } from './requests/in_background.ts';
import type { View } from './view.ts';

export interface ControllerOptions {
  client: KubeClient;
  lease: { held(): boolean };
  events: EventRecorder;
  /** Harrier's own namespace. */
  namespace: string;
  /** Namespaces of the pools. */
  watchNamespaces: readonly string[];
  issuer: string;
  audience: string;
  /** Cell of the runners whose pool names none. */
  cell?: string | undefined;
  settings: RunnerSettings;
  /** Of the values of registration tokens. */
  values: ValueSettings;
  rotation: RotationPolicy;
  /** Hosts inside the cluster, or without TLS, that supplied credentials may be validated at. */
  credentialHosts: readonly string[];
  /** What the pools' forges are asked with. */
  forges: ForgeOptions;
  registry: Registry;
  log: Logger;
  now?: () => Date;
}

export interface Controller {
  /** Every informer has its first list: a standby is as ready as a leader. */
  readonly synced: boolean;
  /** Fills the stores; what a standby does. */
  watch(): Promise<void>;
  /** Begins to act; to be called by the leader alone. */
  lead(): Promise<void>;
  stop(): Promise<void>;
}

/** Runners that are worked on at once, over all pools. */
const PARALLEL_RUNNERS = 32;
/** A pool is looked at once in so long, however much changes: one of 200 starts in 200 steps each. */
const GATHER_MS = 50;
/** Changes of descendants within it lead to one count in their registration token. */
const COUNT_MS = 300;
const KEYS = 'keys';

/** Puts the controller's rooms together: informers, the three loops, and what they share. */
export function createController(options: ControllerOptions): Controller {
  const { namespace, registry, log, audience, now = () => new Date() } = options;
  const client = fencedClient(options.client, options.lease);
  const { pools, tokens, pods, configMaps, signingKeys } = createInformers(options);
  const informers = [pools, tokens, pods, configMaps, signingKeys];
  const view: View = { pools: pools.store, tokens: tokens.store, pods: pods.store };

  const descent = createDescent(view);
  // Before every other listener: what they decide from is whether a parent has just fallen.
  tokens.onChange((change) => descent.seen(change));

  const credentials = createCredentials({
    client,
    validate: createValidateCredential({
      get: createGuardedGet({ allowed: allowedHosts(options.credentialHosts) }),
      now,
    }),
    now,
  });

  const forgesAtWork = createForgesAtWork({
    ...{ client, pools, view, namespace, log, registry, now },
    forges: options.forges,
    changed: (key) => lookAtPool(key),
  });
  const { forges, lookAtForge } = forgesAtWork;

  const ring = createKeyRing(options.rotation);
  const underWay = new Set<string>();
  const deletedPods = new Set<string>();
  const lastStates = new Map<string, RunnerState>();
  const hands = {
    client,
    view,
    audience,
    underWay,
    deletedPods,
    lastStates,
    ring,
    descent,
    handover: createHandover({ client, namespace }),
    credentials,
    values: options.values,
    events: options.events,
    forges,
    lookAtForge,
    inBackground: createInBackground((token, afterMs) => tokenLoop.addAfter(keyOf(token), afterMs), log),
    settings: options.settings,
    limit: createLimit(PARALLEL_RUNNERS),
    now,
    issue: (token: RunnerToken, pool: RunnerPool) =>
      issueToken({
        token,
        pool: inCell(pool, options.cell),
        issuer: options.issuer,
        audience,
        key: ring.current(now()),
        now: now(),
      }),
  };

  const interceptions = createInterceptionStates();
  const observe = poolObserver({ ...hands, interceptions });
  const poolLoop = createLoop({
    name: 'pool',
    sources: [source(pools, (pool, change) => (isOwnStatus(change) ? [] : [keyOf(pool)]))],
    reconcile: (key) => reconcilePool(key, { ...hands, observe, log }),
    log,
    registry,
  });
  const interceptionLoop = createLoop({
    name: 'interception',
    sources: [source(pools, (pool, change) => (isOwnStatus(change) ? [] : [keyOf(pool)]))],
    reconcile: (key) =>
      reconcileInterception(key, {
        ...{ client, view, log, now, policy: INTERCEPTION_POLICY, states: interceptions },
        changed: (pool) => poolLoop.add(pool),
      }),
    log,
    registry,
  });
  const tokenLoop = createLoop({
    name: 'token',
    sources: [
      source(pods, (pod) => [keyOf(pod)]),
      source(tokens, (token, change) => [keyOf(token), ...concerned(token, change, hands)]),
      source(pools, (pool, change) => (isOwnStatus(change) ? [] : tokensOf(pool, view))),
    ],
    reconcile: (key) => reconcileAnyToken(key, hands),
    concurrency: 16,
    log,
    registry,
  });
  const keysLoop = createLoop({
    name: KEYS,
    sources: [source(configMaps, () => [KEYS]), source(signingKeys, () => [KEYS])],
    async reconcile() {
      const result = await reconcileKeys({ client, namespace, policy: options.rotation, ring, log, now });
      for (const token of withoutKey(tokens.store.list(), ring)) tokenLoop.add(keyOf(token));
      return result;
    },
    concurrency: 1,
    log,
    registry,
  });

  const lookAtPool = gather((key) => poolLoop.add(key), GATHER_MS);
  pods.onChange(({ type, object }) => {
    const pool = view.pools.byUid(controllerUid(object, 'RunnerPool') ?? '');
    if (pool !== undefined) lookAtPool(keyOf(pool));
    if (type !== 'deleted') return;
    deletedPods.delete(object.metadata.uid);
    lastStates.delete(object.metadata.uid);
  });
  tokens.onChange(({ type, object }) => {
    lookAtPool(`${object.metadata.namespace}/${object.spec.poolRef.name}`);
    const parent = object.spec.parentRef?.name;
    if (parent !== undefined) tokenLoop.addAfter(`${object.metadata.namespace}/${parent}`, COUNT_MS);
    const state = object.status?.runner?.state;
    const pod = object.spec.podRef?.uid;
    if (type === 'deleted' && pod !== undefined && state !== undefined && view.pods.byUid(pod) !== undefined)
      lastStates.set(pod, state);
  });
  poolMetrics(registry, () => view.pools.list());

  return {
    get synced() {
      return informers.every((one) => one.synced);
    },
    async watch() {
      await Promise.all(informers.map((one) => one.start()));
    },
    async lead() {
      keysLoop.add(KEYS);
      await keysLoop.start();
      // Before there is a key, every runner would fail at its token: the loop above retries until there is one.
      await keyIsThere(() => ring.current(now()));
      await hands.handover.clear();
      await Promise.all([interceptionLoop, poolLoop, tokenLoop, forgesAtWork].map((one) => one.start()));
    },
    async stop() {
      await Promise.all(
        [interceptionLoop, poolLoop, tokenLoop, keysLoop, forgesAtWork].map((one) => one.stop()),
      );
      await Promise.all(informers.map((one) => one.stop()));
    },
  };
}

async function keyIsThere(look: () => unknown): Promise<void> {
  for (;;) {
    try {
      look();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function keyOf(object: { metadata: { namespace: string; name: string } }): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

/** Whether nothing of the pool has changed but its status, which only the controller writes and reads. */
function isOwnStatus(change: StoreChange<RunnerPool>): boolean {
  if (change.type === 'deleted' || change.previous === undefined) return false;
  const { metadata: before } = change.previous;
  const { metadata: after } = change.object;
  return (
    before.generation === after.generation &&
    before.deletionTimestamp === after.deletionTimestamp &&
    before.finalizers?.length === after.finalizers?.length
  );
}

function inCell(pool: RunnerPool, cell: string | undefined): RunnerPool {
  if (cell === undefined || pool.spec.routing.cell !== undefined) return pool;
  return { ...pool, spec: { ...pool.spec, routing: { ...pool.spec.routing, cell } } };
}
