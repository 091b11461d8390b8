import type { Logger } from 'pino';
import { createInformer } from '../kube/informer.ts';
import { SecretKind } from '../kube/kinds.ts';
import type { Informer, KubeClient } from '../kube/types.ts';
import { WEBHOOKS_SECRET } from '../resources/group.ts';
import { DEFAULT_LIMITS } from '../runtime/limits.ts';
import type { ApiMetrics } from '../runtime/metrics.ts';
import type { WritePoolStatus } from '../runtime/pool_status/write_pool_status.ts';
import type { ServedPool } from '../runtime/served_pools.ts';
import { createHints } from '../runtime/webhooks/hints.ts';
import { createReceiveWebhooks, type ReceiveWebhooks } from '../runtime/webhooks/receive.ts';
import { buildWebhookServer } from '../runtime/webhooks/server.ts';
import { watchedWebhookSecrets } from '../runtime/webhooks/webhook_secrets.ts';
import type { ApiConfig } from './api_config.ts';

export interface Webhooks {
  receive: ReceiveWebhooks;
  /** Begins to watch the secrets, and serves on the port of their own where there is one; answers its URL. */
  start(host: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

/** What the api takes webhooks with. */
export function openWebhooks(options: {
  config: Pick<ApiConfig, 'HARRIER_NAMESPACE' | 'HARRIER_WEBHOOK_PORT' | 'HARRIER_WEBHOOK_TRUSTED_PROXIES'>;
  client: KubeClient;
  pools: Pick<Informer<ServedPool>, 'store' | 'synced'>;
  write: WritePoolStatus;
  metrics: ApiMetrics;
  log: Logger;
}): Webhooks {
  const { config, client, pools, write, metrics, log } = options;
  const namespace = config.HARRIER_NAMESPACE;
  const secrets = createInformer({
    client,
    log,
    registry: metrics.registry,
    kind: SecretKind,
    namespaces: [namespace],
    fieldSelector: `metadata.name=${WEBHOOKS_SECRET}`,
  });
  const hints = createHints({ write, now: Date.now, log, onWrite: metrics.webhooks.wrote });
  const receive = createReceiveWebhooks({
    pools,
    secrets: watchedWebhookSecrets(secrets, namespace),
    hints,
    metrics: metrics.webhooks,
    now: Date.now,
    log,
  });
  let server: Awaited<ReturnType<typeof buildWebhookServer>> | undefined;
  return {
    receive,
    async start(host) {
      void secrets.start();
      const port = config.HARRIER_WEBHOOK_PORT;
      if (port === undefined) return undefined;
      const trustedProxies = config.HARRIER_WEBHOOK_TRUSTED_PROXIES;
      server = await buildWebhookServer({
        log,
        limits: DEFAULT_LIMITS,
        metrics,
        webhooks: receive,
        trustedProxies,
      });
      return await server.listen({ host, port });
    },
    async stop() {
      await server?.close();
      await hints.stop();
      await secrets.stop();
    },
  };
}
