import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId, isSignature } from '../webhook_signature.ts';

/**
 * workflow_job and workflow_run are sent since Gitea 1.24. A push or a pull request is what most runs come from; the
 * jobs may be there a moment later than the webhook, and are then found by the next poll.
 */
const OF_JOBS: ReadonlySet<string> = new Set(['workflow_job', 'workflow_run', 'push', 'pull_request']);

/** https://docs.gitea.com/usage/webhooks: the signature is in hexadecimal, without a scheme before it. */
export const verifyGiteaWebhook: VerifyWebhook = (headers, body, secret) => {
  if (!isSignature(headers['x-gitea-signature'], body, secret))
    throw new WebhookRefused('X-Gitea-Signature is not that of the body');
  return {
    id: deliveryId(headers['x-gitea-delivery'], body),
    relevant: OF_JOBS.has(headers['x-gitea-event'] ?? ''),
  };
};
