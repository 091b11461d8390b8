import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { createLoop, type Loop, source } from '../../kube/run.ts';
import type { Informer, KubeClient, StoreChange } from '../../kube/types.ts';
import type { RunnerPool } from '../../resources/runner_pool.ts';
import type { View } from '../view.ts';
import { createForges, type ForgeOptions, type Forges } from './forges.ts';
import { reconcileForge } from './reconcile.ts';
import { createWebhookSecrets } from './webhook_secrets.ts';

export interface ForgesAtWork {
  forges: Forges;
  /** Asks the pool's forge in a moment, whatever its interval. */
  lookAtForge(pool: RunnerPool): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** As many forges are waited for at once: a silent one holds up no other. */
const FORGES_AT_ONCE = 64;
/** A runner that has just got what it joins with is looked for after so long, in ms. */
const SOON_MS = 1_500;

/** Begins to ask the forges of all pools: at their intervals, after a webhook, and when what they are asked with changes. */
export function createForgesAtWork(options: {
  client: KubeClient;
  pools: Informer<RunnerPool>;
  view: View;
  forges: ForgeOptions;
  /** Harrier's own namespace. */
  namespace: string;
  /** To be called with a pool's key when its forge has said something. */
  changed(key: string): void;
  log: Logger;
  registry: Registry;
  now(): Date;
}): ForgesAtWork {
  const { client, pools, view, namespace, changed, log, registry, now } = options;
  const webhookSecrets = createWebhookSecrets({ client, namespace, log });
  const forges = createForges({ client, options: options.forges, onSecret: webhookSecrets.put, now });
  let leading = false;

  const loop: Loop = createLoop({
    name: 'forge',
    sources: [source(pools, (pool) => [keyOf(pool)])],
    reconcile: (key) => reconcileForge(key, { client, view, forges, changed, now }),
    concurrency: FORGES_AT_ONCE,
    log,
    registry,
  });

  pools.onChange((change) => {
    const { uid } = change.object.metadata;
    if (change.type === 'deleted') {
      forges.forget(uid);
      if (leading && change.object.spec.forge.type !== 'none') webhookSecrets.put(uid, undefined);
    } else if (isHint(change)) wish(change.object, 0);
  });

  function wish(pool: RunnerPool, afterMs: number): void {
    const known = forges.known(pool.metadata.uid);
    known.dueMs = Math.min(known.dueMs, now().getTime() + afterMs);
    loop.addAfter(keyOf(pool), afterMs);
  }

  return {
    forges,
    lookAtForge: (pool) => wish(pool, SOON_MS),
    async start() {
      leading = true;
      await webhookSecrets
        .sweep(view.pools.list().map((one) => one.metadata.uid))
        .catch((err: unknown) => log.warn({ err }, 'the secrets of webhooks could not be read'));
      await loop.start();
    },
    async stop() {
      await loop.stop();
      for (const pool of view.pools.list()) forges.forget(pool.metadata.uid);
    },
  };
}

/** A webhook came, or the pool is being deleted: what the forge says may have changed. */
function isHint({ object, previous }: StoreChange<RunnerPool>): boolean {
  if (previous === undefined || object.spec.forge.type === 'none') return false;
  return (
    object.status?.webhook?.at !== previous.status?.webhook?.at ||
    object.status?.webhook?.delivery !== previous.status?.webhook?.delivery ||
    object.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp
  );
}

function keyOf({ metadata }: RunnerPool): string {
  return `${metadata.namespace}/${metadata.name}`;
}
