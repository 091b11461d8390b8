// Requests are signed as the Standard Webhooks specification has it: https://www.standardwebhooks.com
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A request is refused when its time is further from ours than this, in seconds. */
const WINDOW = 300;

export function isFromHarrier(headers, body, secret, now = Date.now()) {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const right = createHmac('sha256', secret).update(signed).digest();
  const fresh = Math.abs(now / 1000 - Number(headers['webhook-timestamp'])) <= WINDOW;
  const given = (headers['webhook-signature'] ?? '')
    .split(' ')
    .map((one) => Buffer.from(one.slice(3), 'base64'));
  return fresh && given.some((one) => one.length === right.length && timingSafeEqual(one, right));
}

/** The headers for what we send to Harrier ourselves: that a job is there. */
export function sign(id, body, secret, now = Date.now()) {
  const timestamp = String(Math.floor(now / 1000));
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
