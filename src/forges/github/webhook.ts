import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId, isSignature } from '../webhook_signature.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_job: queued, waiting, in_progress, completed. */
const OF_JOBS: ReadonlySet<string> = new Set(['workflow_job']);
const SCHEME = 'sha256=';

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
export const verifyGithubWebhook: VerifyWebhook = (headers, body, secret) => {
  const given = headers['x-hub-signature-256'];
  if (!given?.startsWith(SCHEME) || !isSignature(given.slice(SCHEME.length), body, secret))
    throw new WebhookRefused('X-Hub-Signature-256 is not that of the body');
  return {
    id: deliveryId(headers['x-github-delivery'], body),
    relevant: OF_JOBS.has(headers['x-github-event'] ?? ''),
  };
};
