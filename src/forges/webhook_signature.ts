import { createHash, createHmac, hash, timingSafeEqual } from 'node:crypto';

/** What a delivery's id may be: no more, since it is written into a status. */
const DELIVERY_ID = /^[\w.:-]{1,128}$/;

/** Whether `given` is the HMAC-SHA256 of the content in this encoding; how long it takes tells nothing of it. */
export function isSignature(
  given: string | undefined,
  content: Buffer | string,
  secret: string | Buffer,
  encoding: 'hex' | 'base64' = 'hex',
): boolean {
  const right = createHmac('sha256', secret).update(content).digest();
  const decoded = Buffer.from(given ?? '', encoding);
  return decoded.length === right.length && timingSafeEqual(decoded, right);
}

/** Whether two texts are the same; how long it takes tells nothing of them, nor of their lengths. */
export function isSameSecret(given: string | undefined, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given ?? ''), digest(secret)) && given !== undefined;
}

/** The forge's own id of the delivery where it gives a usable one, else one that the same body always has. */
export function deliveryId(given: string | undefined, body: Buffer): string {
  return given !== undefined && DELIVERY_ID.test(given) ? given : `sha256:${hash('sha256', body, 'hex')}`;
}
