import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId, isSameSecret } from '../webhook_signature.ts';

const OF_JOBS: ReadonlySet<string> = new Set(['Job Hook', 'Pipeline Hook']);

/** https://docs.gitlab.com/user/project/integrations/webhooks/: the secret token itself is in a header. */
export const verifyGitlabWebhook: VerifyWebhook = (headers, body, secret) => {
  if (!isSameSecret(headers['x-gitlab-token'], secret))
    throw new WebhookRefused('X-Gitlab-Token is not the secret token');
  return {
    // The same when the delivery is repeated; since GitLab 17.4.
    id: deliveryId(headers['idempotency-key'], body),
    relevant: OF_JOBS.has(headers['x-gitlab-event'] ?? ''),
  };
};
