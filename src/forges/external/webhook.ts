import { hasStandardSignature } from '../standard_webhook.ts';
import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId } from '../webhook_signature.ts';

/** Signed as Harrier signs what it asks of the hook: one scheme for both ways. */
export const verifyExternalWebhook: VerifyWebhook = (headers, body, secret) => {
  if (!hasStandardSignature(headers, body, secret))
    throw new WebhookRefused('webhook-signature has no v1 signature of id, timestamp and body');
  return { id: deliveryId(headers['webhook-id'], body), relevant: true };
};
