import { Counter, type Registry } from 'prom-client';
import { WEBHOOK_FORGES } from '../../forges/webhooks.ts';

/**
 * Told: the controller was told. Repeated: told before. Irrelevant: genuine, and of nothing that concerns runners.
 * Refused: not genuine. Limited: not looked at after too many refusals. Failed: not told in time.
 */
const OUTCOMES = ['told', 'repeated', 'irrelevant', 'refused', 'limited', 'failed'] as const;
export type WebhookOutcome = (typeof OUTCOMES)[number];

export interface WebhookMetrics {
  /** @param forge As the path has it: whatever is no forge is counted as `other`. */
  came(forge: string, outcome: WebhookOutcome): void;
  wrote(outcome: 'written' | 'failed'): void;
}

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const webhooks = new Counter({
    name: 'harrier_api_webhooks_total',
    help: 'Webhooks of forges, by forge and by what became of them.',
    labelNames: ['forge', 'outcome'],
    registers: [registry],
  });
  const writes = new Counter({
    name: 'harrier_api_webhook_writes_total',
    help: 'Writes of RunnerPool.status.webhook to the apiserver, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const forges: readonly string[] = WEBHOOK_FORGES;
  return {
    came: (forge, outcome) => webhooks.inc({ forge: forges.includes(forge) ? forge : 'other', outcome }),
    wrote: (outcome) => writes.inc({ outcome }),
  };
}
