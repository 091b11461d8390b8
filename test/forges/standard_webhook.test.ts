import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyExternalWebhook } from '../../src/forges/external/webhook.ts';
import { verifyGitlabWebhook } from '../../src/forges/gitlab/webhook.ts';
import { hasStandardSignature, signedHeaders } from '../../src/forges/standard_webhook.ts';
import { WebhookRefused } from '../../src/forges/webhook.ts';

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const MESSAGE = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  body: '{"test": 2432232314}',
};
/** The example of the specification's own libraries. */
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';

test('the specification’s own example has its own signature', () => {
  expect(signedHeaders(MESSAGE, KEY)).toEqual({
    'webhook-id': MESSAGE.id,
    'webhook-timestamp': MESSAGE.timestamp,
    'webhook-signature': SIGNATURE,
  });
  expect(hasStandardSignature(signedHeaders(MESSAGE, KEY), Buffer.from(MESSAGE.body), KEY)).toBe(true);
});

test('one right signature of several is enough', () => {
  const headers = { ...signedHeaders(MESSAGE, KEY), 'webhook-signature': `v1a,abc v1,AAAA ${SIGNATURE}` };
  expect(hasStandardSignature(headers, Buffer.from(MESSAGE.body), KEY)).toBe(true);
});

test('whatever is changed, it is no longer signed', () => {
  const headers = signedHeaders(MESSAGE, KEY);
  const signed = (changed: Record<string, string | undefined>, body = MESSAGE.body, key = KEY) =>
    hasStandardSignature({ ...headers, ...changed }, Buffer.from(body), key);
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      expect(signed({ 'webhook-id': MESSAGE.id + text })).toBe(false);
      expect(signed({ 'webhook-timestamp': MESSAGE.timestamp + text })).toBe(false);
      expect(signed({ 'webhook-signature': text })).toBe(false);
      expect(signed({}, MESSAGE.body + text)).toBe(false);
      expect(signed({}, MESSAGE.body, `another ${text}`)).toBe(false);
    }),
  );
  for (const name of Object.keys(headers)) expect(signed({ [name]: undefined })).toBe(false);
});

test('without a key nothing is signed', () => {
  for (const key of ['', 'whsec_']) {
    const headers = signedHeaders(MESSAGE, key);
    expect(hasStandardSignature(headers, Buffer.from(MESSAGE.body), key)).toBe(false);
  }
});

describe('a webhook of GitLab', () => {
  const body = Buffer.from('{"object_kind":"build"}');
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  // As GitLab 19 sends them: webhook-id is equal to the idempotency key.
  const event = { 'x-gitlab-event': 'Job Hook', 'idempotency-key': 'f5e5f430-f57b-4e6e-9fac-d9128cd7232f' };
  const signed = {
    ...event,
    ...signedHeaders({ id: event['idempotency-key'], timestamp: '1614265330', body }, secret),
  };

  test.each([
    ['with a signing token', signed, secret],
    ['with a secret token', { ...event, 'x-gitlab-token': 'hunter2-hunter2' }, 'hunter2-hunter2'],
  ])('%s', (_, headers, key) => {
    expect(verifyGitlabWebhook(headers, body, key)).toEqual({ id: event['idempotency-key'], relevant: true });
  });

  test.each([
    ['with another secret token', { ...event, 'x-gitlab-token': 'hunter' }, body],
    ['with none', event, body],
    ['with another body', signed, Buffer.from('{}')],
  ])('%s is refused', (_, headers, given) => {
    expect(() => verifyGitlabWebhook(headers, given, secret)).toThrow(WebhookRefused);
  });

  test.each([
    ['Pipeline Hook', true],
    ['Push Hook', false],
    [undefined, false],
  ])('%s is one of jobs: %s', (name, relevant) => {
    const headers = { ...event, 'x-gitlab-event': name, 'x-gitlab-token': 's' };
    expect(verifyGitlabWebhook(headers, body, 's').relevant).toBe(relevant);
  });

  test('without an idempotency key the same body is the same delivery', () => {
    const id = (text: string) => verifyGitlabWebhook({ 'x-gitlab-token': 's' }, Buffer.from(text), 's').id;
    expect(id('a')).toBe(id('a'));
    expect(id('a')).not.toBe(id('b'));
  });
});

test('an unsigned webhook of an external forge is refused, and no secret is in the refusal', () => {
  const refused = () => verifyExternalWebhook({ 'webhook-id': 'x' }, Buffer.from('{}'), KEY);
  expect(refused).toThrow(WebhookRefused);
  expect(refused).not.toThrow(KEY);
});
