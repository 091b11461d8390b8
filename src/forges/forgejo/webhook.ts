import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId, isSignature } from '../webhook_signature.ts';

/** Forgejo tells how runs ended; that one begins it tells by the push or pull request that it comes from. */
const OF_JOBS: ReadonlySet<string> = new Set([
  'push',
  'pull_request',
  'action_run_success',
  'action_run_failure',
  'action_run_recover',
]);

/** https://forgejo.org/docs/latest/user/webhooks/: the signature is in hexadecimal, without a scheme before it. */
export const verifyForgejoWebhook: VerifyWebhook = (headers, body, secret) => {
  if (!isSignature(headers['x-forgejo-signature'], body, secret))
    throw new WebhookRefused('X-Forgejo-Signature is not that of the body');
  return {
    id: deliveryId(headers['x-forgejo-delivery'], body),
    relevant: OF_JOBS.has(headers['x-forgejo-event'] ?? ''),
  };
};
