import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { createInformer } from '../kube/informer.ts';
import { ConfigMapKind, RunnerPoolKind, RunnerTokenKind } from '../kube/kinds.ts';
import type { KubeClient } from '../kube/types.ts';
import { Label } from '../resources/group.ts';
import { PUBLIC_KEYS_CONFIG_MAP, SIGNING_KEYS_SECRET } from './keys/observe.ts';
import { runnerPodKind, secretHeadKind } from './kinds.ts';
import { POD_INDEXES, TOKEN_INDEXES } from './view.ts';

export interface Watched {
  client: KubeClient;
  /** Harrier's own namespace. */
  namespace: string;
  /** Namespaces of the pools. */
  watchNamespaces: readonly string[];
  log: Logger;
  registry: Registry;
}

/** What the controller watches. */
export function createInformers({ client, namespace, watchNamespaces, log, registry }: Watched) {
  const runners = { client, namespaces: watchNamespaces, log, registry };
  const home = { ...runners, namespaces: [namespace] };
  return {
    pools: createInformer({ ...runners, kind: RunnerPoolKind }),
    tokens: createInformer({ ...runners, kind: RunnerTokenKind, indexes: TOKEN_INDEXES }),
    pods: createInformer({
      ...runners,
      kind: runnerPodKind,
      labelSelector: Label.pool,
      indexes: POD_INDEXES,
    }),
    configMaps: createInformer({
      ...home,
      kind: ConfigMapKind,
      fieldSelector: `metadata.name=${PUBLIC_KEYS_CONFIG_MAP}`,
    }),
    // Its head alone: the keys themselves are read when they are needed, and lie in no store.
    signingKeys: createInformer({
      ...home,
      kind: secretHeadKind,
      fieldSelector: `metadata.name=${SIGNING_KEYS_SECRET}`,
    }),
  };
}
