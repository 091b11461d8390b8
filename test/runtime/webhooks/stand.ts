import { createHmac, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { type Secret, SecretKind } from '../../../src/kube/kinds.ts';
import { WEBHOOKS_SECRET } from '../../../src/resources/group.ts';
import type { ForgeType } from '../../../src/resources/pool_forge.ts';
import type { WritePoolStatus } from '../../../src/runtime/pool_status/write_pool_status.ts';
import { webhookRoutes } from '../../../src/runtime/routes/webhooks.ts';
import { type ServedPool, ServedPoolKind } from '../../../src/runtime/served_pools.ts';
import { createHints } from '../../../src/runtime/webhooks/hints.ts';
import { createReceiveWebhooks } from '../../../src/runtime/webhooks/receive.ts';
import { watchedWebhookSecrets } from '../../../src/runtime/webhooks/webhook_secrets.ts';
import { aPool } from '../../tokens/builders.ts';
import { anApi, type TestApi, type Watched, watched } from '../builders.ts';

export const SECRET = 'correct horse';
const HARRIER = 'harrier';

export interface WebhookStand {
  api: TestApi;
  url: string;
  pools: Watched<ServedPool>;
  secrets: Watched<Secret>;
  /** The hints that were written, in their order. */
  written: { pool: string; delivery: string }[];
  /** What a write does before it is done. */
  write: { first: (signal: AbortSignal | undefined) => Promise<void> };
  /** Added to the clock, in ms. */
  clock: { ahead: number };
  /** How often this came of a webhook, over all forges. */
  counted(outcome: string): Promise<number>;
  close(): Promise<void>;
}

export interface WebhookStandOptions {
  everyMs?: number;
  answerWithinMs?: number;
}

/** The real route behind a real socket; only the watch and the far end of the writes are the test's. */
export async function startWebhooks(options: WebhookStandOptions = {}): Promise<WebhookStand> {
  const pools = watched<ServedPool>();
  const secrets = watched<Secret>();
  const written: WebhookStand['written'] = [];
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  const write: WebhookStand['write'] = { first: async () => undefined };
  const writePoolStatus: WritePoolStatus = async (pool, decide, { signal } = {}) => {
    await write.first(signal);
    const delivery = decide(pool)?.webhook?.delivery;
    if (delivery !== undefined) written.push({ pool: pool.metadata.name, delivery });
    return pool;
  };
  let stopHints: (() => Promise<void>) | undefined;
  let metrics: TestApi['metrics'] | undefined;
  const log = pino({ level: 'silent' });
  const api = await anApi({
    level: 'info',
    // A limit of the runners', which is none of the forges'.
    limits: { requestsPerSecond: 5 },
    routes: () => {
      const onWrite = (outcome: 'written' | 'failed') => metrics?.webhooks.wrote(outcome);
      const hints = createHints({
        write: writePoolStatus,
        now,
        log,
        onWrite,
        everyMs: options.everyMs ?? 50,
      });
      stopHints = hints.stop;
      const counting = {
        came: (...what: Parameters<TestApi['metrics']['webhooks']['came']>) =>
          metrics?.webhooks.came(...what),
        wrote: onWrite,
      };
      const receive = createReceiveWebhooks({
        pools,
        secrets: watchedWebhookSecrets(secrets, HARRIER),
        hints,
        metrics: counting,
        now,
        log,
        answerWithinMs: options.answerWithinMs ?? 30_000,
      });
      return [webhookRoutes(receive)];
    },
  });
  metrics = api.metrics;
  const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  return {
    api,
    url,
    pools,
    secrets,
    written,
    write,
    clock,
    async counted(outcome) {
      const metric = await api.metrics.registry.getSingleMetric('harrier_api_webhooks_total')?.get();
      return (metric?.values ?? [])
        .filter(({ labels }) => labels.outcome === outcome)
        .reduce((sum, { value }) => sum + value, 0);
    },
    async close() {
      await api.app.close();
      await stopHints?.();
    },
  };
}

let versions = 1;

/** Puts a pool of the forge into the cluster, in namespace ci. */
export function addPool(
  { pools }: Pick<WebhookStand, 'pools'>,
  name: string,
  type: ForgeType | 'none',
): void {
  const pool = aPool();
  const forge = { ...pool.spec.forge, type, url: 'https://forge.example.com' };
  const metadata = { ...pool.metadata, name, uid: `uid-of-${name}`, resourceVersion: `${++versions}` };
  pools.store.set(ServedPoolKind.parse({ metadata, spec: { ...pool.spec, forge } }));
}

/** The Secret of the webhooks, with these secrets by pool's name. */
export function setSecrets({ secrets }: Pick<WebhookStand, 'secrets'>, byPool: Record<string, string>): void {
  const data = Object.entries(byPool).map(([name, secret]) => [
    `uid-of-${name}`,
    Buffer.from(secret).toString('base64'),
  ]);
  secrets.store.set(
    SecretKind.parse({
      metadata: {
        name: WEBHOOKS_SECRET,
        namespace: HARRIER,
        uid: 'uid-of-webhooks',
        resourceVersion: `${++versions}`,
        creationTimestamp: '2026-11-21T07:00:00Z',
      },
      data: Object.fromEntries(data),
    }),
  );
}

export interface Sent {
  body?: string | Buffer;
  secret?: string;
  delivery?: string;
  event?: string;
  contentType?: string;
  headers?: Record<string, string>;
}

/** As GitHub sends: signed over the bytes of the body. */
export function asGithub(sent: Sent = {}): { method: 'POST'; headers: Record<string, string>; body: Buffer } {
  const {
    secret = SECRET,
    delivery = randomUUID(),
    event = 'workflow_job',
    contentType = 'application/json',
  } = sent;
  const body = Buffer.from(sent.body ?? '{"action":"queued"}');
  return {
    method: 'POST',
    headers: {
      'content-type': contentType,
      'x-github-event': event,
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      ...sent.headers,
    },
    body,
  };
}
