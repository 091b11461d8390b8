import { type VerifyWebhook, WebhookRefused } from '../webhook.ts';
import { deliveryId, isSignature } from '../webhook_signature.ts';

/** One signature of those that the header may have, by space: the version, then base64. */
const VERSION = 'v1,';

/** As the Standard Webhooks specification signs (https://www.standardwebhooks.com): `id.timestamp.body`. */
export const verifyExternalWebhook: VerifyWebhook = (headers, body, secret) => {
  const id = headers['webhook-id'] ?? '';
  const signed = Buffer.concat([Buffer.from(`${id}.${headers['webhook-timestamp'] ?? ''}.`), body]);
  const given = (headers['webhook-signature'] ?? '').split(' ').filter((one) => one.startsWith(VERSION));
  if (!given.some((one) => isSignature(one.slice(VERSION.length), signed, secret, 'base64')))
    throw new WebhookRefused('webhook-signature has no v1 signature of id, timestamp and body');
  return { id: deliveryId(id, body), relevant: true };
};
