import { hasStandardSignature } from '../standard_webhook.ts';
import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId, isSameSecret } from '../webhook_signature.ts';

const OF_JOBS: ReadonlySet<string> = new Set(['Job Hook', 'Pipeline Hook']);

/**
 * https://docs.gitlab.com/user/project/integrations/webhooks/: a signing token signs the delivery (since GitLab 19.0),
 * a secret token stands in a header itself. One of the two is enough: the pool's secret is the one or the other.
 */
export const verifyGitlabWebhook: VerifyWebhook = (headers, body, secret) => {
  if (!hasStandardSignature(headers, body, secret) && !isSameSecret(headers['x-gitlab-token'], secret))
    throw new WebhookRefused('neither webhook-signature nor X-Gitlab-Token is of this webhook’s secret');
  return {
    // The same when the delivery is repeated; since GitLab 17.4, and webhook-id is equal to it.
    id: deliveryId(headers['idempotency-key'], body),
    relevant: OF_JOBS.has(headers['x-gitlab-event'] ?? ''),
  };
};
