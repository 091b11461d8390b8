import { createHmac } from 'node:crypto';
import { isSignature } from './webhook_signature.ts';

/**
 * The Standard Webhooks specification (https://www.standardwebhooks.com): `id.timestamp.body` is signed, and three
 * headers carry it. GitLab has it since 19.0, and Harrier's own hook takes it both ways.
 */
export interface SignedMessage {
  /** The same when a message is repeated. */
  id: string;
  /** Whole seconds since 1970. */
  timestamp: string;
  body: Buffer | string;
}

/** One signature of those that the header may have, by space: the version, then base64. */
const VERSION = 'v1,';
/** Begins a key that is given in base64; any other text is a key as it stands. */
const ENCODED_KEY = 'whsec_';

export function standardWebhookKey(secret: string): Buffer {
  return secret.startsWith(ENCODED_KEY)
    ? Buffer.from(secret.slice(ENCODED_KEY.length), 'base64')
    : Buffer.from(secret);
}

/** The three headers, with lower-case names. */
export function signedHeaders(message: SignedMessage, secret: string): Record<string, string> {
  const signature = createHmac('sha256', standardWebhookKey(secret))
    .update(signedContent(message))
    .digest('base64');
  return {
    'webhook-id': message.id,
    'webhook-timestamp': message.timestamp,
    'webhook-signature': VERSION + signature,
  };
}

/** Whether one of the signatures is right. How old the message is remains the caller's to judge. */
export function hasStandardSignature(
  headers: Readonly<Record<string, string | undefined>>,
  body: Buffer,
  secret: string,
): boolean {
  const {
    'webhook-id': id = '',
    'webhook-timestamp': timestamp = '',
    'webhook-signature': given = '',
  } = headers;
  const key = standardWebhookKey(secret);
  // Whoever has no key would sign by none.
  if (key.length === 0) return false;
  const signed = signedContent({ id, timestamp, body });
  return given
    .split(' ')
    .filter((one) => one.startsWith(VERSION))
    .some((one) => isSignature(one.slice(VERSION.length), signed, key, 'base64'));
}

function signedContent({ id, timestamp, body }: SignedMessage): Buffer {
  return Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body)]);
}
