import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { isKubeError } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { RunnerPoolKind } from '../../kube/kinds.ts';
import type { ReconcileResult } from '../../kube/types.ts';
import { API_VERSION, FieldManager, Finalizer } from '../../resources/group.ts';
import type { RunnerPool, RunnerPoolStatus } from '../../resources/runner_pool.ts';
import { withRefusedCreation } from './conditions.ts';
import { poolEvents } from './events.ts';
import { type Executed, executePoolActions, type PoolHands } from './execute.ts';
import type { ObservePool } from './observe.ts';
import { plan } from './plan.ts';

export type PoolDeps = PoolHands & {
  observe: ObservePool;
  events: EventRecorder;
  log: Logger;
  now(): Date;
};

/** Every pool is looked at this often even when nothing is heard of it. */
const RESYNC_MS = 10 * 60_000;
/** A forge that keeps a record is not pressed, in ms. */
const KEPT_MS = 1_000;

/** Brings the pool of this key (namespace/name) to what it should be: observe, plan, execute, one status write. */
export async function reconcilePool(key: string, deps: PoolDeps): Promise<ReconcileResult> {
  const [namespace = '', name = ''] = key.split('/');
  const pool = deps.view.pools.get(namespace, name);
  if (pool === undefined) return {};

  const observed = await deps.observe(pool);
  const planned = plan(observed, deps.now());
  const executed = await executePoolActions(pool, observed.templateHash, planned.actions, deps);
  const status = statusAfter(pool, planned.status, executed, deps.now());

  if (!isReleased(pool, executed)) await writeStatus(pool, status, deps);
  for (const event of poolEvents(observed, executed.done, status))
    deps.events.record(RunnerPoolKind, pool, event);
  if (executed.errors.length > 0) throw oneOf(executed.errors, deps.log);
  // Whom the forge kept is known as busy now, or waits until it answers: both make another plan.
  return { againAfterMs: Math.min(planned.againAfterMs ?? RESYNC_MS, executed.kept ? KEPT_MS : RESYNC_MS) };
}

/** Whether the pool goes with what was done: there may be nothing any more whose status could be written. */
function isReleased({ metadata: { finalizers = [] } }: RunnerPool, { done }: Executed): boolean {
  const ours = new Set<string>();
  if (done.some((one) => one.type === 'RemoveDrainFinalizer')) ours.add(Finalizer.drain);
  if (done.some((one) => one.type === 'RemoveForgeFinalizer')) ours.add(Finalizer.forge);
  return ours.size > 0 && finalizers.every((one) => ours.has(one));
}

function statusAfter(
  pool: RunnerPool,
  planned: RunnerPoolStatus,
  executed: Executed,
  now: Date,
): RunnerPoolStatus {
  // With the serials moved on, a creation that may have happened would be made again under another name.
  const sure = executed.unsure ? { ...planned, created: pool.status?.created ?? 0 } : planned;
  const status = withRemoved(sure, executed);
  return executed.refusal === undefined
    ? status
    : withRefusedCreation(status, pool.status?.conditions ?? [], executed.refusal.message, now);
}

/** Orphans that are gone by now, beside those of before. */
function withRemoved(status: RunnerPoolStatus, { done }: Executed): RunnerPoolStatus {
  const { forge } = status;
  const removed = done.filter((one) => one.type === 'RemoveRecord').length;
  if (forge === undefined || removed === 0) return status;
  return { ...status, forge: { ...forge, orphansRemoved: forge.orphansRemoved + removed } };
}

async function writeStatus(pool: RunnerPool, status: RunnerPoolStatus, deps: PoolDeps): Promise<void> {
  // What the api writes there is not the controller's to compare, and to name it would be to take it over.
  const { cache: _cache, webhook: _webhook, ...own } = pool.status ?? {};
  if (isDeepStrictEqual(status, own)) return;
  const { namespace, name, uid } = pool.metadata;
  try {
    const written = await deps.client.applyStatus(
      RunnerPoolKind,
      { apiVersion: API_VERSION, kind: 'RunnerPool', metadata: { namespace, name, uid }, status },
      { fieldManager: FieldManager.controller, force: true },
    );
    deps.view.pools.absorb(written);
  } catch (error) {
    if (!isKubeError(error, 'notFound')) throw error;
  }
}

/** The queue takes one error for its back-off; the others are told here. */
function oneOf(errors: readonly unknown[], log: Logger): unknown {
  const others = new Set(
    errors.slice(1).map((error) => (error instanceof Error ? error.message : String(error))),
  );
  for (const message of [...others].slice(0, 5)) log.debug({ message }, 'an action failed as well');
  return errors[0];
}
