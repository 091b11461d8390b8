/** A webhook that is genuine. It is a hint to ask the forge at once; nothing of it is believed beyond that. */
export interface Delivery {
  /** Unique for a delivery, the same when it is repeated; at most 128 characters. */
  id: string;
  /** Whether it can have changed the queue or a runner. */
  relevant: boolean;
}

/** Why a webhook is not taken. */
export class WebhookRefused extends Error {
  override readonly name = 'WebhookRefused';
}

/** Headers have lower-case names. `body` is as it was received: the signature is of these bytes. Throws WebhookRefused. */
export type VerifyWebhook = (
  headers: Readonly<Record<string, string | undefined>>,
  body: Buffer,
  secret: string,
) => Delivery;
