import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { Delivery } from '../../forges/webhook.ts';
import { verifierOf, WEBHOOK_FORGES } from '../../forges/webhooks.ts';
import type { Informer } from '../../kube/types.ts';
import type { ForgeType } from '../../resources/pool_forge.ts';
import type { Clock } from '../../tokens/clock.ts';
import { type Problem, problem } from '../problem.ts';
import type { ServedPool } from '../served_pools.ts';
import { Deliveries } from './deliveries.ts';
import type { Hints } from './hints.ts';
import { RefusalLimit } from './refusal_limit.ts';
import type { WebhookMetrics } from './webhook_metrics.ts';
import type { WebhookSecrets } from './webhook_secrets.ts';

/** A webhook as it came: nothing of it is known to be true. */
export interface IncomingWebhook {
  forge: string;
  namespace: string;
  pool: string;
  /** The sender's address. */
  address: string;
}

/** What became of a genuine one. */
export type Received = 'told' | 'repeated' | 'irrelevant';

export interface ReceiveOptions {
  pools: Pick<Informer<ServedPool>, 'store' | 'synced'>;
  secrets: WebhookSecrets;
  hints: Hints;
  metrics: WebhookMetrics;
  now: Clock;
  log: Logger;
  /** How long a webhook waits for its hint to be written, in ms: Gitea gives up after 5 s, the others later. */
  answerWithinMs?: number;
}

export interface ReceiveWebhooks {
  /** Throws when the webhook is not even to be read: nothing is known of any pool, or too many were refused. */
  admit(webhook: IncomingWebhook): void;
  /** Throws a problem for one that is not genuine, or was not told in time. */
  receive(webhook: IncomingWebhook, headers: IncomingHttpHeaders, body: Buffer): Promise<Received>;
}

const ANSWER_WITHIN_MS = 3_000;
const WINDOW_MS = 10_000;
/** Refusals in a window, after which the rest of it is refused unread. All of a pool's senders share its count. */
const MOST_REFUSED = { ofAddress: 60, ofPool: 600 };

/**
 * Takes the forges' webhooks. Whether a pool is not there, takes no webhooks, is of another forge, or the signature is
 * not right, is told to nobody outside: all are refused alike, after the same work.
 */
export function createReceiveWebhooks(options: ReceiveOptions): ReceiveWebhooks {
  const { pools, secrets, hints, metrics, now, log, answerWithinMs = ANSWER_WITHIN_MS } = options;
  const deliveries = new Deliveries(now);
  const limits = {
    ofAddress: new RefusalLimit(MOST_REFUSED.ofAddress, WINDOW_MS, now),
    ofPool: new RefusalLimit(MOST_REFUSED.ofPool, WINDOW_MS, now),
  };
  /** What a webhook of no pool is verified with: it takes as long, and nobody knows it. */
  const nobodys = randomBytes(32).toString('hex');

  function refuse(webhook: IncomingWebhook, reason: string): Problem {
    limits.ofAddress.count(webhook.address);
    limits.ofPool.count(keyOf(webhook));
    metrics.came(webhook.forge, 'refused');
    const { forge, namespace, pool } = webhook;
    log.info({ forge, pool: `${namespace}/${pool}`, reason }, 'webhook refused');
    return problem(
      'webhook-refused',
      'No pool of this forge at this path signs its webhooks so: compare URL and secret with the pool’s.',
      { headers: { 'www-authenticate': 'Webhook realm="harrier"' } },
    );
  }

  function verify(
    webhook: IncomingWebhook,
    headers: IncomingHttpHeaders,
    body: Buffer,
  ): { pool: ServedPool; delivery: Delivery } {
    const pool = pools.store.get(webhook.namespace, webhook.pool);
    const secret = pool && secrets.of(pool.metadata.uid);
    const type = WEBHOOK_FORGES.find((one) => one === webhook.forge);
    const delivery = attempt(type ?? 'github', headers, body, secret ?? nobodys);
    if (pool === undefined) throw refuse(webhook, 'there is no such pool');
    if (pool.spec.forge.type !== type) throw refuse(webhook, 'the pool is of another forge');
    if (secret === undefined) throw refuse(webhook, 'its Secret has no webhookSecret');
    if (typeof delivery === 'string') throw refuse(webhook, delivery);
    return { pool, delivery };
  }

  return {
    admit(webhook) {
      if (!pools.synced || secrets.standing === 'Unknown') {
        metrics.came(webhook.forge, 'failed');
        throw later('Which pools there are is not known at this moment; retry.');
      }
      const seconds =
        limits.ofAddress.retryAfter(webhook.address) ?? limits.ofPool.retryAfter(keyOf(webhook));
      if (seconds !== undefined) {
        metrics.came(webhook.forge, 'limited');
        throw problem('too-many-requests', 'Too many webhooks were refused.', {
          headers: { 'retry-after': String(seconds) },
        });
      }
      if (secrets.standing === 'None') {
        metrics.came(webhook.forge, 'refused');
        throw problem(
          'not-found',
          'No pool here takes webhooks: none has the key webhookSecret in the Secret of its forge.',
        );
      }
    },

    async receive(webhook, headers, body) {
      const { pool, delivery } = verify(webhook, headers, body);
      if (!delivery.relevant) {
        metrics.came(webhook.forge, 'irrelevant');
        return 'irrelevant';
      }
      // The newest is known to every replica, and after a restart too.
      if (pool.status?.webhook?.delivery === delivery.id) {
        metrics.came(webhook.forge, 'repeated');
        return 'repeated';
      }
      const { repeated, done } = deliveries.once(pool.metadata.uid, delivery.id, () =>
        hints.tell(pool, delivery.id),
      );
      if (!(await inTime(done, answerWithinMs))) {
        metrics.came(webhook.forge, 'failed');
        throw later('The webhook is genuine, and could not be written down yet; it will be.');
      }
      const received = repeated ? 'repeated' : 'told';
      metrics.came(webhook.forge, received);
      return received;
    },
  };
}

function keyOf({ namespace, pool }: IncomingWebhook): string {
  return `${namespace}/${pool}`;
}

/** The delivery, or why it is none. */
function attempt(
  type: ForgeType,
  headers: IncomingHttpHeaders,
  body: Buffer,
  secret: string,
): Delivery | string {
  const single = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
  try {
    return verifierOf(type)(single, body, secret);
  } catch (error) {
    // Of whatever kind: what can't be verified is not genuine.
    return error instanceof Error ? error.message : 'it can’t be verified';
  }
}

function later(detail: string): Problem {
  return problem('unavailable', detail, { headers: { 'retry-after': '2' } });
}

async function inTime(done: Promise<void>, withinMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, withinMs, false);
  return await Promise.race([done.then(() => true), late]).finally(() => clearTimeout(timer));
}
